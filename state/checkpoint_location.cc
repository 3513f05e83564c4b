#include "state/checkpoint_location.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "state/directory_checkpoint_store.h"
#include "state/s3_checkpoint_store.h"

namespace turnout::state {

absl::StatusOr<std::unique_ptr<CheckpointStore>> MakeCheckpointStore(const std::string& location,
                                                                     S3Options options,
                                                                     TimeAndChance time) {
  absl::string_view rest = location;
  if (!absl::ConsumePrefix(&rest, "s3://")) {
    if (location.empty() || absl::StrContains(location, "://")) {
      return absl::InvalidArgumentError(
          absl::StrCat("checkpoints cannot be kept in `", location,
                       "` (give a directory, or s3://BUCKET/PREFIX)"));
    }
    return std::make_unique<DirectoryCheckpointStore>(location);
  }
  absl::ConsumeSuffix(&rest, "/");
  const size_t slash = rest.find('/');
  options.bucket = std::string(rest.substr(0, slash));
  options.prefix = slash == absl::string_view::npos ? "" : std::string(rest.substr(slash + 1));
  return S3CheckpointStore::Create(std::move(options), std::move(time));
}

}  // namespace turnout::state

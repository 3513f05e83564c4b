// What item_store.h says of copies of a store, apart from the store itself.
#include <filesystem>
#include <system_error>

#include "absl/strings/str_format.h"
#include "deploy/manager/item_keys.h"
#include "deploy/manager/item_records.h"
#include "deploy/manager/item_store.h"
#include "state/document_backup.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

// In the root of a file system of its own.
constexpr std::string_view kMountRemains = "lost+found";

// Of what it holds besides what a restoring that was cut short left there, if there is any.
absl::Status CheckEmpty(const std::string& directory) {
  const std::string unfinished =
      std::string(kItemsDirectory) + std::string(state::kUnfinishedSuffix);
  std::error_code error;
  for (std::filesystem::directory_iterator next(directory, error), end; !error && next != end;
       next.increment(error)) {
    const std::string name = next->path().filename();
    if (name == unfinished || name == kMountRemains) continue;
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s is not empty: there is %s; move it away, or give another place", directory, name));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return state::ErrnoStatus(error.value(), "listing", directory);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> RestoreItems(state::CheckpointStore* from, std::string_view name,
                                     const std::string& directory) {
  if (absl::Status checked = CheckEmpty(directory); !checked.ok()) return checked;
  int64_t newest = 0;
  const absl::StatusOr<std::string> restored = state::RestoreDocuments(
      from, name, ItemsDirectory(directory),
      [&](const state::DocumentView& view) { return DescribeItems(view, &newest); });
  if (!restored.ok()) return restored.status();
  return newest;
}

absl::StatusOr<std::vector<std::string>> ListBackups(state::CheckpointStore* in) {
  return state::ListDocumentBackups(in);
}

}  // namespace turnout::manager

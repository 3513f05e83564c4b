// DirectoryCheckpointStore: objects as files below a directory, which may be a shared one.
//
// An object is written under a name of its own ending in `.unfinished`, synced, and renamed (or,
// where it may not be there yet, linked) to its name. What a crash leaves of these is listed like
// an object, and pruned like one that nobody refers to.
#pragma once

#include <string>

#include "state/checkpoint_store.h"

namespace turnout::state {

class DirectoryCheckpointStore : public CheckpointStore {
 public:
  explicit DirectoryCheckpointStore(std::string directory);

  absl::StatusOr<std::vector<StoredObject>> List(std::string_view prefix) override;
  absl::Status Put(std::string_view name, const std::string& local_path) override;
  absl::StatusOr<bool> PutIfAbsent(std::string_view name, std::string_view bytes) override;
  absl::StatusOr<FileDigest> Get(std::string_view name, const std::string& local_path) override;
  absl::StatusOr<FileDigest> Digest(std::string_view name) override;
  absl::StatusOr<std::string> Read(std::string_view name, size_t bytes_max) override;
  absl::Status Remove(std::string_view name) override;

 private:
  std::string PathOf(std::string_view name) const;

  const std::string directory_;
};

}  // namespace turnout::state

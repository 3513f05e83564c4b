// MemoryCheckpointStore: a CheckpointStore in a map: nothing in it ever fails.
//
// Threads: one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "state/checkpoint_store.h"
#include "state/files.h"

namespace turnout::support {

class MemoryCheckpointStore : public state::CheckpointStore {
 public:
  absl::StatusOr<std::vector<state::StoredObject>> List(std::string_view prefix) override {
    std::vector<state::StoredObject> found;
    for (const auto& [name, bytes] : objects_) {
      if (name.starts_with(prefix)) found.push_back({.name = name, .bytes = bytes.size()});
    }
    return found;
  }
  absl::Status Put(std::string_view name, const std::string& local_path) override {
    absl::StatusOr<std::string> bytes = state::ReadFile(local_path, size_t{1} << 30);
    if (!bytes.ok()) return bytes.status();
    objects_[std::string(name)] = *std::move(bytes);
    return absl::OkStatus();
  }
  absl::StatusOr<bool> PutIfAbsent(std::string_view name, std::string_view bytes) override {
    return objects_.try_emplace(std::string(name), bytes).second;
  }
  absl::StatusOr<state::FileDigest> Get(std::string_view name,
                                        const std::string& local_path) override {
    const auto found = objects_.find(std::string(name));
    if (found == objects_.end()) return absl::NotFoundError(std::string(name));
    if (absl::Status status = state::WriteFile(local_path, found->second); !status.ok()) {
      return status;
    }
    return Digest(name);
  }
  absl::StatusOr<state::FileDigest> Digest(std::string_view name) override {
    const auto found = objects_.find(std::string(name));
    if (found == objects_.end()) return absl::NotFoundError(std::string(name));
    return state::FileDigest{found->second.size(), state::Sha256(found->second)};
  }
  absl::StatusOr<std::string> Read(std::string_view name, size_t bytes_max) override {
    const auto found = objects_.find(std::string(name));
    if (found == objects_.end()) return absl::NotFoundError(std::string(name));
    if (found->second.size() > bytes_max) return absl::DataLossError(std::string(name));
    return found->second;
  }
  absl::Status Remove(std::string_view name) override {
    objects_.erase(std::string(name));
    return absl::OkStatus();
  }

 private:
  std::map<std::string, std::string> objects_;
};

}  // namespace turnout::support

// RocksTaskHome: a TaskHome over RocksDB on this machine's disk and a CheckpointStore.
//
// Threads: one at a time. Lifetime: what is borrowed outlives it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "state/checkpoint.h"
#include "state/state_resources.h"
#include "state/task_home.h"

namespace turnout::runtime {

class RocksTaskHome : public state::TaskHome {
 public:
  // Stores it opens lie in `directory`; `checkpoints` are those of the task.
  RocksTaskHome(std::string directory, state::StateResources* resources,
                state::TaskCheckpoints* checkpoints);

  absl::StatusOr<std::unique_ptr<state::TaskState>> OpenLocal() override;
  absl::StatusOr<std::unique_ptr<state::TaskState>> CreateLocal(
      int64_t start_offset, const std::string& timeline) override;
  absl::StatusOr<std::vector<state::CheckpointFact>> Checkpoints() override;
  absl::StatusOr<std::unique_ptr<state::TaskState>> Restore(int64_t sequence) override;
  absl::Status RemoveLocal() override;

 private:
  const std::string directory_;
  state::StateResources* const resources_;
  state::TaskCheckpoints* const checkpoints_;
};

}  // namespace turnout::runtime

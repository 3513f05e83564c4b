// TaskHome: where one task's state lives: its store on this machine's disk and its checkpoints.
// What RecoverState acts on.
//
// Implemented over RocksDB and a CheckpointStore by runtime/state_service, and in memory by the
// tests.
// Errors: Unavailable or ResourceExhausted - try again later; DataLoss - damaged.
// Threads: one at a time; calls block.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/recovery_plan.h"
#include "state/task_state.h"

namespace turnout::state {

class TaskHome {
 public:
  virtual ~TaskHome() = default;

  // The store on disk. NotFound if there is none, DataLoss if it is damaged, Unavailable if
  // somebody else has it open.
  virtual absl::StatusOr<std::unique_ptr<TaskState>> OpenLocal() = 0;

  // An empty store that begins at `start_offset` in place of what was there.
  virtual absl::StatusOr<std::unique_ptr<TaskState>> CreateLocal(int64_t start_offset,
                                                                 const std::string& timeline) = 0;

  // All that are published, damaged ones among them.
  virtual absl::StatusOr<std::vector<CheckpointFact>> Checkpoints() = 0;

  // The checkpoint's state, opened, in place of what was on disk. DataLoss, and what was on disk is
  // still there, if it is damaged or no longer there.
  virtual absl::StatusOr<std::unique_ptr<TaskState>> Restore(int64_t sequence) = 0;

  // Removes the store on disk.
  virtual absl::Status RemoveLocal() = 0;
};

}  // namespace turnout::state

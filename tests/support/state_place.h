// StatePlace: all that one process of the simulation can reach of its tasks' states: its own disk
// and the checkpoint store that it shares with the others.
//
// Implemented in memory (memory_task_home.h) and over RocksDB and a directory
// (rocks_state_place.h). Errors: those of state::TaskHome. Threads: one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "router/rule_set.h"
#include "runtime/state_keeper.h"
#include "state/task_home.h"

namespace turnout::support {

// One task's.
class TaskPlace : public state::TaskHome {
 public:
  // Begins a checkpoint of what `state`, which this home has opened, has committed. Durable here.
  virtual absl::Status Snapshot(state::TaskState& state) = 0;
  // Publishes the last snapshot. Aborted: somebody else has published meanwhile.
  virtual absl::StatusOr<runtime::PublishedCheckpoint> Publish() = 0;
};

// A state that lies somewhere, in words that can be compared.
struct FoundState {
  std::string where;
  int64_t applied_offset = 0;
  std::string timeline;
  std::string dump;
};

class StatePlace {
 public:
  virtual ~StatePlace() = default;

  virtual bool HasLocal(int32_t partition) = 0;
  virtual std::unique_ptr<TaskPlace> PlaceOf(int32_t partition) = 0;

  // The archive of rule sets. FindRules: NotFound for one that was never kept.
  virtual absl::Status KeepRules(const router::RuleSet& rules) = 0;
  virtual absl::StatusOr<std::shared_ptr<const router::RuleSet>> FindRules(
      const std::string& hash) = 0;

  // The process died, or was killed: what was not yet on the disk is lost.
  virtual void Crash() = 0;
};

}  // namespace turnout::support

// StateKeeper: brings a task's state when its partition comes, takes it back when it goes, and
// looks after it in between. What a worker sees of disks, checkpoints and recovery.
//
// Nothing that takes long happens on the worker's thread but where said: Recover only begins, and
// TakeRecovered hands out what is there by then. Until then the partition is held.
//
// Implemented by StateService (RocksDB, checkpoints, threads) and by the simulation.
// Threads: one worker's own; a keeper each.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "router/rule_set.h"
#include "state/recovery_plan.h"
#include "state/task_state.h"

namespace turnout::runtime {

// A partition whose state is wanted.
struct RecoveryRequest {
  int32_t partition = 0;
  int64_t committed_offset = -1;                    // -1: nothing was committed
  std::string note;                                 // beside it, as it is
  int64_t log_start_offset = 0;                     // the first one that the source still has
  std::shared_ptr<const router::RuleSet> in_force;  // now; null: some that keep state
  // Checkpoints from this sequence on may be damaged, as a state was that came from it: not taken
  // where there is anything else, or not at all.
  int64_t distrusted_from = std::numeric_limits<int64_t>::max();
  bool is_distrust_final = false;
  // The keeper's own to say: which checkpoints to go back to, once.
  std::optional<state::RestoreWish> restore;
};

struct RecoveredTask {
  int32_t partition = 0;
  state::RecoveryPlan plan;  // a refusal: the partition stays held
  // At plan.replay_from. Null with a refusal, and where state begins when a rule first needs it.
  std::unique_ptr<state::TaskState> state;
  std::vector<std::shared_ptr<const router::RuleSet>> rule_sets;  // those of the plan, one each
  std::string timeline;  // a new one, for what is committed from here on
};

struct PublishedCheckpoint {
  int64_t sequence = 0;
  int64_t applied_offset = 0;
};

// How a partition goes.
enum class Parting {
  kHandOver,  // all is committed: a last checkpoint, so that the next owner replays nothing
  kLost,      // it is somebody else's already; what is here may serve as a base another day
  kDamaged,   // what is here is of no use: removed
};

class StateKeeper {
 public:
  virtual ~StateKeeper() = default;

  // Whether there could be anything to bring back, or a wish to restore is not noted as done.
  // False: the task is live at once.
  virtual bool MayHaveState(int32_t partition, std::string_view note) = 0;

  // Begins to bring the state back; tries again by itself for as long as that may help.
  virtual void Recover(RecoveryRequest request) = 0;

  // The next one that is done, of those asked for and not let go of since.
  virtual std::optional<RecoveredTask> TakeRecovered() = 0;

  // Why the partition's state is not there yet; empty when there is nothing to say.
  virtual std::string WaitsFor(int32_t partition) = 0;

  // Whether the rule set is kept where every later owner finds it by its hash. Begins to keep it if
  // it is not, so that a later call answers true.
  virtual bool KeepRules(const std::shared_ptr<const router::RuleSet>& rules) = 0;

  // An empty state that begins at `start_offset` in a new timeline, durable. Blocks for some
  // milliseconds.
  virtual absl::StatusOr<std::unique_ptr<state::TaskState>> Create(int32_t partition,
                                                                   int64_t start_offset) = 0;

  // The partition goes, or its recovery is no longer wanted (null). With kHandOver its last
  // checkpoint begins, which is of use until `until`.
  virtual void Release(int32_t partition, std::unique_ptr<state::TaskState> state, Parting parting,
                       absl::Time until) = 0;

  // Blocks until the last checkpoints of all that was handed over are published or have failed, or
  // `until` has come.
  virtual void WaitForHandOvers(absl::Time until) = 0;

  // The newest checkpoint that was published since the last call.
  virtual std::optional<PublishedCheckpoint> TakePublished(int32_t partition) = 0;

  // The task's note runs out of room: take a checkpoint now rather than later.
  virtual void HurryCheckpoint(int32_t partition) = 0;
};

}  // namespace turnout::runtime

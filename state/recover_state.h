// RecoverState: carries out what PlanRecovery decides: finds out the facts, brings the base, and
// plans again without what turns out to be damaged.
//
// It removes nothing but the local store that an empty state takes the place of: what belongs to
// another history than that of the committed offset is known by its timeline, and pruned in time.
//
// Errors: those of TaskHome that are worth another try; a refusal is no error but in the plan.
// Threads: blocks; not for a worker.
#pragma once

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "state/recovery_plan.h"
#include "state/task_home.h"

namespace turnout::state {

struct RecoveredState {
  RecoveryPlan plan;
  // At plan.replay_from. Null with a refusal, and where state begins with the first event that has
  // a use for it.
  std::unique_ptr<TaskState> state;
};

// `facts` holds what is known of the source: offsets, note, policy. `has_rules` says whether the
// rule set of a hash can be had.
absl::StatusOr<RecoveredState> RecoverState(
    TaskHome& home, RecoveryFacts facts,
    absl::FunctionRef<absl::StatusOr<bool>(const std::string& hash)> has_rules);

}  // namespace turnout::state

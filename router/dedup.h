// Dedup: of events with one key, those that come within `for` of one that passed are stopped.
//
// An event from before that time passes and changes nothing: it is no repetition of the one that
// passed after it.
// Format: the time of the event that passed (8 bytes). Expires at that time + `for`.
#pragma once

#include "absl/status/statusor.h"
#include "router/step_call.h"

namespace turnout::router {

absl::StatusOr<StepVerdict> JudgeDedup(const StepPlan& step, const StepCall& call);

}  // namespace turnout::router

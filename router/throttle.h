// Throttle: lets `limit` events of a key pass, counted from the first of them for `per`.
//
// The next span begins with the first event after that; one from before the span counts in it.
// Format: the span's start and the events that passed in it (8 bytes each). Expires at the start +
// `per`.
#pragma once

#include "absl/status/statusor.h"
#include "router/step_call.h"

namespace turnout::router {

absl::StatusOr<StepVerdict> JudgeThrottle(const StepPlan& step, const StepCall& call);

}  // namespace turnout::router

// Threshold: passes when the events of a key within `within` come to `at_least` in number, in sum,
// or in distinct values of a field.
//
// What is in the window is kept as items in the order of their times; T is the newest of them, and
// an item is gone once its time is at most T - `within`. Of number and distinct values only the
// newest `at_least` are kept, which is all that can matter. A sum keeps each amount, and once there
// are more than kSumItemsMax joins those of one 64th of `within`. Late events are not counted.
//
// Format: items, ascending: time (8 bytes); sum: and amount (8 bytes of an IEEE double); distinct:
// and the value's TextHash (8 bytes). Expires at T + `within`.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "router/step_call.h"

namespace turnout::router {

inline constexpr size_t kSumItemsMax = 128;
inline constexpr int64_t kSumParts = 64;  // of `within`

absl::StatusOr<StepVerdict> JudgeThreshold(const StepPlan& step, const StepCall& call);

}  // namespace turnout::router

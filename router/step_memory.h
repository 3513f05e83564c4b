// StepMemory: what a step has stored, read by somebody who only looks: until when an entry lives,
// and what it says, as facts with names.
//
// The entries' formats are those of dedup.h, throttle.h, threshold.h and aggregate.h.
//
// Units: milliseconds of event time. Threads: pure functions.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "router/step_plan.h"

namespace turnout::router {

struct StepFact {
  enum class Kind { kTime, kNumber };

  std::string_view name;  // "passed_at"; of a constant
  Kind kind = Kind::kTime;
  int64_t time_ms = 0;
  double number = 0;
};

// From which watermark on the step's entry is not seen any more; kNeverExpires too for bytes that
// it can't have written. `aggregate` is the step's own plan, if it is one.
int64_t ExpiryOf(const StepPlan& step, const AggregatePlan* aggregate, std::string_view key,
                 std::string_view value);

// What decides about an event of that time beside the entry itself, which may be none (null data):
// a dedup's last event that passed, a throttle's span, what a threshold has counted, an aggregate's
// windows. Nothing for bytes that it can't have written.
std::vector<StepFact> FactsOf(const StepPlan& step, const AggregatePlan* aggregate,
                              int64_t event_ms, std::string_view value);

}  // namespace turnout::router

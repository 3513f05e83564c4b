// TrafficJson: the answer of /v1/traffic: counts since the start, by rule and by destination.
// Whoever asks twice has rates and latencies of the time between.
//
// Threads: pure.
#pragma once

#include <cstddef>
#include <string>

#include "absl/time/time.h"
#include "runtime/traffic.h"

namespace turnout::runtime {

// Of rules and of destinations each, the busiest so many.
inline constexpr size_t kTrafficRowsMax = 500;

std::string TrafficJson(const TrafficTotals& totals, absl::Time now);

}  // namespace turnout::runtime

// Duration: a span of event time as a rule writes it: `500ms`, `30s`, `10m`, `1h`, `7d`.
//
// A whole number and one unit, nothing between them. Units: milliseconds.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace turnout::router {

// Nothing for any other text, and for more than kDurationMsMax.
std::optional<int64_t> ParseDuration(std::string_view text);

// In the largest unit that leaves a whole number: for messages.
std::string DurationText(int64_t ms);

inline constexpr int64_t kDurationMsMax = int64_t{1'000'000} * 24 * 3600 * 1000;

}  // namespace turnout::router

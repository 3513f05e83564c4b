// Number: when two spellings of a number are the same number.
//
// 300, 300.0, 3e2 and 3E+2 are equal, and so are 0 and -0. A number takes part in comparisons by
// value when its decimal value is exactly what the nearest double prints as; 9007199254740993 and
// 1e309 are not, so they equal only their own spelling and lie in no range. event-ruler decides the
// same way.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string_view>

namespace turnout::router {

// The double that stands for a JSON number's spelling, or nullopt when none stands for it exactly.
// Negative zero comes back as zero.
std::optional<double> ComparableNumber(std::string_view spelling);

// Whether EventBridge promises to compare the number by value: from -5e9 to 5e9, at most 15
// significant digits, at most six of them after the point.
bool IsEventBridgeNumber(std::string_view spelling);

// The double nearest to a JSON number's spelling, or NaN when that is beyond all doubles. Sets
// `exact` when it is plain on the way that the double stands for the number exactly; if it is not,
// IsExactly tells. Negative zero comes back as zero.
double NearestNumber(std::string_view spelling, bool* exact);

// Whether a spelling's nearest double stands for it exactly. Costs several times as much as finding
// the double, so ask only where it matters.
bool IsExactly(std::string_view spelling, double nearest);

}  // namespace turnout::router

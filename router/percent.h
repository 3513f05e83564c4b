// Percent: shares of a whole, as rules write them: a number from 0 to 100 with at most two
// decimals.
//
// Units: hundredths of a percent. Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "router/document.h"

namespace turnout::router {

inline constexpr uint32_t kAllShares = 10'000;  // everything

// Nothing for what is no such number.
std::optional<uint32_t> ReadPercent(const Node& node);

// As it was written.
inline double PercentOf(uint32_t share) { return share / 100.0; }

}  // namespace turnout::router

// TimeAndChance: what this room may not take for itself, handed in by whoever runs it.
//
// Threads: the functions are called from any.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/time/time.h"

namespace turnout::state {

struct TimeAndChance {
  std::function<absl::Time()> now;
  std::function<void(absl::Duration)> sleep;
  std::function<uint64_t()> random;  // 64 even bits
};

}  // namespace turnout::state

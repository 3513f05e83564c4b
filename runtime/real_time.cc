#include "runtime/real_time.h"

#include <random>

#include "absl/time/clock.h"

namespace turnout::runtime {

state::TimeAndChance RealTimeAndChance() {
  return {.now = [] { return absl::Now(); },
          .sleep = absl::SleepFor,
          .random =
              [] {
                thread_local std::mt19937_64 bits{std::random_device{}()};
                return uint64_t{bits()};
              }};
}

}  // namespace turnout::runtime

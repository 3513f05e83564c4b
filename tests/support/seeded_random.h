// SeededRandom: chance as an argument. The same seed gives the same numbers on every machine, which
// the standard library's distributions don't promise.
#pragma once

#include <cstdint>

namespace turnout::support {

class SeededRandom {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    // SplitMix64: one addition and a finalizer; every seed is a good one.
    state_ += 0x9e3779b97f4a7c15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // From 0 to `bound` - 1; 0 where there is no choice.
  int64_t Below(int64_t bound) {
    return bound <= 1 ? 0 : static_cast<int64_t>(Next() % static_cast<uint64_t>(bound));
  }

  // Both ends included.
  int64_t Between(int64_t low, int64_t high) { return low + Below(high - low + 1); }

  bool OneIn(int64_t n) { return Below(n) == 0; }

 private:
  uint64_t state_;
};

}  // namespace turnout::support

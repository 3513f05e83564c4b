// Choices: where a generator takes its decisions from: a seed, or bytes that a fuzzer mutates.
//
// Bytes are taken one a decision (two where there are more than 256 ways) and, once used up, are
// followed by a fixed run of chance, so that few bytes make a whole case and a change of one byte
// changes little before it.
//
// Lifetime: bytes are borrowed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/support/seeded_random.h"

namespace turnout::support {

class Choices {
 public:
  explicit Choices(uint64_t seed) : random_(seed) {}
  explicit Choices(std::string_view bytes) : random_(0), bytes_(bytes) {}

  // From 0 to `bound` - 1; 0 where there is no choice.
  size_t Below(size_t bound) {
    if (bound <= 1) return 0;
    if (bytes_.empty()) return static_cast<size_t>(random_.Below(static_cast<int64_t>(bound)));
    size_t value = TakeByte();
    if (bound > 256) value = value * 256 + TakeByte();
    return value % bound;
  }

  // Both ends included.
  size_t Between(size_t low, size_t high) { return low + Below(high - low + 1); }

  bool OneIn(size_t n) { return Below(n) == 0; }
  bool MostOf(size_t n) { return !OneIn(n); }

  template <typename T>
  const T& Of(const std::vector<T>& items) {
    return items[Below(items.size())];
  }

 private:
  size_t TakeByte() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(bytes_[0]);
    bytes_.remove_prefix(1);
    return byte;
  }

  SeededRandom random_;
  std::string_view bytes_;
};

}  // namespace turnout::support

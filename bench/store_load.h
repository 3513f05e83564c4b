// What the benches of a task's store share: keys that lie far apart, and what a process has used.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace turnout::bench {

inline constexpr size_t kKeyBytes = 20;

// SplitMix64's finalizer: neighbours get numbers far apart, which look random.
inline uint64_t Mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// "user" and 16 digits.
struct Key {
  explicit Key(uint64_t number) {
    std::memcpy(bytes, "user", 4);
    uint64_t mixed = Mixed(number + 1);
    for (size_t i = kKeyBytes; i-- > 4; mixed >>= 4) bytes[i] = "0123456789abcdef"[mixed & 15];
  }
  std::string_view view() const { return {bytes, kKeyBytes}; }
  char bytes[kKeyBytes];
};

// CPU time of this thread, and of all others of the process.
int64_t ThreadNs();
int64_t OthersNs();
// Returns when no thread but this one does anything.
void ComeToRest();
size_t ResidentBytes();

}  // namespace turnout::bench

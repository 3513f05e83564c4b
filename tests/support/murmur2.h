// Murmur2 as Kafka's Java clients use it to choose a partition; written for the tests alone, so
// that the router's own partitioning is checked by something that it doesn't share.
#pragma once

#include <cstdint>
#include <string_view>

namespace turnout::support {

inline int32_t Murmur2(std::string_view data) {
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  const auto byte = [&](size_t i) -> uint32_t { return static_cast<unsigned char>(data[i]); };
  uint32_t hash = 0x9747b28c ^ static_cast<uint32_t>(data.size());
  size_t at = 0;
  for (; at + 4 <= data.size(); at += 4) {
    uint32_t word = byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24;
    word *= kMultiplier;
    word ^= word >> 24;
    word *= kMultiplier;
    hash = (hash * kMultiplier) ^ word;
  }
  if (at < data.size()) {
    for (size_t i = data.size(); i-- > at;) hash ^= byte(i) << (8 * (i - at));
    hash *= kMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  hash ^= hash >> 15;
  return static_cast<int32_t>(hash);
}

inline int32_t PartitionOfKey(std::string_view key, int32_t partitions) {
  return (Murmur2(key) & 0x7fffffff) % partitions;
}

}  // namespace turnout::support

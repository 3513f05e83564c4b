#include "connectors/partitioner.h"

#include <cstddef>

namespace turnout::connectors {
namespace {

constexpr uint32_t kSeed = 0x9747b28c;
constexpr uint32_t kMultiplier = 0x5bd1e995;
constexpr int kShift = 24;

uint32_t LittleEndian(std::string_view bytes) {
  uint32_t word = 0;
  for (size_t i = bytes.size(); i-- > 0;) word = word << 8 | static_cast<unsigned char>(bytes[i]);
  return word;
}

}  // namespace

int32_t Murmur2(std::string_view key) {
  uint32_t hash = kSeed ^ static_cast<uint32_t>(key.size());
  for (; key.size() >= 4; key.remove_prefix(4)) {
    uint32_t word = LittleEndian(key.substr(0, 4)) * kMultiplier;
    word = (word ^ word >> kShift) * kMultiplier;
    hash = hash * kMultiplier ^ word;
  }
  if (!key.empty()) hash = (hash ^ LittleEndian(key)) * kMultiplier;
  hash = (hash ^ hash >> 13) * kMultiplier;
  return static_cast<int32_t>(hash ^ hash >> 15);
}

int32_t PartitionOfKey(std::string_view key, int32_t partitions) {
  return (Murmur2(key) & 0x7fffffff) % partitions;
}

// splitmix64.
void StickyPartition::Next() {
  chance_ += 0x9e3779b97f4a7c15;
  uint64_t mixed = chance_;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  chance_ = mixed ^ mixed >> 31;
}

}  // namespace turnout::connectors

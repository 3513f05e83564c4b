// Which partition a record goes to: the one that Java's clients choose for its key.
//
// Internal to connectors/.
#pragma once

#include <cstdint>
#include <string_view>

namespace turnout::connectors {

// Java's Utils.murmur2.
int32_t Murmur2(std::string_view key);

// Of a key that is not null; `partitions` is at least 1.
int32_t PartitionOfKey(std::string_view key, int32_t partitions);

// For records without a key: one partition until its batch is full, then another, so that batches
// are few and large. Chance is an argument: the seed says where it begins.
class StickyPartition {
 public:
  explicit StickyPartition(uint64_t seed) : chance_(seed) { Next(); }

  int32_t Of(int32_t partitions) const {
    return static_cast<int32_t>(chance_ % static_cast<uint64_t>(partitions));
  }
  void Next();

 private:
  uint64_t chance_;
};

}  // namespace turnout::connectors

#include "connectors/partition_positions.h"

#include <algorithm>

namespace turnout::connectors {

const PartitionPositions::Position* PartitionPositions::Find(int32_t partition) const {
  const auto found = ours_.find(partition);
  return found == ours_.end() ? nullptr : &found->second;
}

bool PartitionPositions::IsHeld(int32_t partition) const {
  const Position* position = Find(partition);
  return position != nullptr && position->held;
}

std::vector<int32_t> PartitionPositions::All() const {
  std::vector<int32_t> partitions;
  for (const auto& [partition, position] : ours_) partitions.push_back(partition);
  return partitions;
}

bool PartitionPositions::Take(int32_t partition, int64_t offset) {
  const auto found = ours_.find(partition);
  if (found == ours_.end() || found->second.held) return false;
  Position& position = found->second;
  if (position.began == kStart && position.put == kStart) position.began = offset;
  position.next = offset + 1;
  return true;
}

int64_t PartitionPositions::Next(int32_t partition, int64_t otherwise) const {
  const Position* position = Find(partition);
  if (position == nullptr) return otherwise;
  const int64_t next = std::max(position->put, position->next);
  return next >= 0 ? next : otherwise;
}

void PartitionPositions::ReachEnd(int32_t partition, int64_t offset) {
  const auto found = ours_.find(partition);
  if (found != ours_.end() && !found->second.held) found->second.end = offset;
}

bool PartitionPositions::Hold(int32_t partition) {
  const auto found = ours_.find(partition);
  if (found == ours_.end() || found->second.held) return false;
  found->second.held = true;
  return true;
}

std::optional<int64_t> PartitionPositions::SeekFor(int32_t partition, int64_t wanted) const {
  const Position* position = Find(partition);
  if (position == nullptr) return std::nullopt;
  // Where nothing is committed: the first event that was seen, not the end of the log by now.
  const int64_t target = wanted >= 0 ? wanted : position->began;
  if (!position->held && position->next < 0 && target == position->put) return std::nullopt;
  return target;
}

void PartitionPositions::Put(int32_t partition, int64_t offset) {
  const auto found = ours_.find(partition);
  if (found != ours_.end()) found->second = {found->second.began, offset};
}

int64_t PartitionPositions::EndOffset(int32_t partition, int64_t high) const {
  const Position* position = Find(partition);
  if (position == nullptr) return -1;
  const int64_t reached = std::max(position->put, position->next);
  return position->end == high && reached >= 0 ? reached : high;
}

}  // namespace turnout::connectors

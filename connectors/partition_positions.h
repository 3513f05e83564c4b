// PartitionPositions: the source's partitions that are ours, how far each has been read, and which
// are held.
//
// Internal to connectors/. Knows nothing of librdkafka: it says what is to be sought, KafkaSource
// seeks.
//
// Units: an offset is that of the next event to read. kStart stands for the start of reading that
// the configuration names (the log's beginning or its end), where no offset is known for it yet.
// Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace turnout::connectors {

class PartitionPositions {
 public:
  static constexpr int64_t kStart = -1;

  // Ours from now on, put where it was committed; kStart where it was not.
  void Add(int32_t partition, int64_t committed) { ours_[partition] = {committed, committed}; }
  void Remove(int32_t partition) { ours_.erase(partition); }
  void Clear() { ours_.clear(); }

  bool Has(int32_t partition) const { return ours_.count(partition) != 0; }
  bool IsHeld(int32_t partition) const;
  std::vector<int32_t> All() const;

  // An event was taken. False: it must not be delivered, since its partition is not ours or held.
  bool Take(int32_t partition, int64_t offset);
  // The offset that is to be read next; `otherwise` where none is known yet.
  int64_t Next(int32_t partition, int64_t otherwise) const;
  // librdkafka found nothing more to read from this offset on.
  void ReachEnd(int32_t partition, int64_t offset);
  // False: it was held already, or is not ours.
  bool Hold(int32_t partition);

  // Where the partition must be sought to be read from `wanted` on (kStart: from where it began).
  // Nothing: it stands there, or is not ours.
  std::optional<int64_t> SeekFor(int32_t partition, int64_t wanted) const;
  // It has been sought; held no longer.
  void Put(int32_t partition, int64_t offset);

  // The log's end, where `high` is the offset after all that it holds; -1: not ours. A log written
  // with transactions ends in their markers and in what was aborted. Those take offsets but never
  // come, so `high` alone would leave a reader behind for ever.
  int64_t EndOffset(int32_t partition, int64_t high) const;

 private:
  struct Position {
    int64_t began = kStart;  // where reading began; kStart: not known before the first event
    int64_t put = kStart;    // by the assignment or the last seek
    int64_t next = -1;       // after the last event taken; -1: none since it was put
    int64_t end = -1;        // where nothing more was found; -1: nowhere since it was put
    bool held = false;
  };

  const Position* Find(int32_t partition) const;

  std::map<int32_t, Position> ours_;
};

}  // namespace turnout::connectors

// MemoryPartition: one partition's log as a Kafka broker keeps it: records and control markers
// share the offsets, and a read-committed reader sees what lies before the last stable offset and
// was not aborted.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connectors/record.h"

namespace turnout::support {

struct MemoryRecord {
  int64_t offset = -1;
  int64_t timestamp_ms = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  int32_t partition = -1;  // that its producer chose; -1: by the key

  // The last header of that name; empty where there is none.
  std::string Header(std::string_view name) const;
};

MemoryRecord CopyRecord(const connectors::OutputRecord& record);

// Bytes of a batch that holds this record alone, format 2, uncompressed.
int64_t BatchBytes(const MemoryRecord& record);

class MemoryPartition {
 public:
  // Both return the record's offset.
  int64_t Append(MemoryRecord record);
  int64_t AppendInTransaction(int64_t producer_id, MemoryRecord record);
  // Ends the producer's transaction here. The marker takes an offset.
  void WriteMarker(int64_t producer_id, bool commit);

  int64_t start_offset() const { return start_offset_; }
  int64_t end_offset() const { return static_cast<int64_t>(entries_.size()); }
  // First offset of the oldest transaction that is still open, or the end.
  int64_t last_stable_offset() const;
  // The first `offset` records are gone, as by retention.
  void DeleteBefore(int64_t offset);

  // The first record at or after `from` that a read-committed reader sees; null when there is none
  // yet.
  const MemoryRecord* Read(int64_t from) const;
  std::vector<const MemoryRecord*> ReadAll() const;

 private:
  enum class Kind { kRecord, kCommitMarker, kAbortMarker };
  struct Entry {
    Kind kind = Kind::kRecord;
    int64_t producer_id = -1;  // -1: not in a transaction
    bool aborted = false;
    MemoryRecord record;
  };

  std::vector<Entry> entries_;  // by offset
  int64_t start_offset_ = 0;
  std::map<int64_t, int64_t> open_;  // producer to the first offset of its transaction
};

}  // namespace turnout::support

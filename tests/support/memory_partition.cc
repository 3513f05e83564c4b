#include "tests/support/memory_partition.h"

#include <algorithm>

namespace turnout::support {
namespace {

std::optional<std::string> CopyNullable(std::string_view bytes) {
  if (bytes.data() == nullptr) return std::nullopt;
  return std::string(bytes);
}

int64_t VarintBytes(int64_t value) {
  uint64_t zigzag = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  int64_t bytes = 1;
  for (; zigzag >= 128; zigzag /= 128) ++bytes;
  return bytes;
}

int64_t NullableBytes(const std::optional<std::string>& bytes) {
  if (!bytes) return VarintBytes(-1);
  const int64_t size = static_cast<int64_t>(bytes->size());
  return VarintBytes(size) + size;
}

}  // namespace

std::string MemoryRecord::Header(std::string_view name) const {
  for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
    if (header->first == name) return header->second.value_or("");
  }
  return "";
}

MemoryRecord CopyRecord(const connectors::OutputRecord& record) {
  MemoryRecord copy{.timestamp_ms = record.timestamp_ms,
                    .key = CopyNullable(record.key),
                    .value = CopyNullable(record.value),
                    .partition = record.partition};
  for (const auto& [name, value] : record.headers) {
    copy.headers.emplace_back(std::string(name), CopyNullable(value));
  }
  return copy;
}

int64_t BatchBytes(const MemoryRecord& record) {
  constexpr int64_t kBatchOverheadBytes = 61;
  constexpr int64_t kAttributesAndDeltasBytes = 3;
  int64_t bytes = kAttributesAndDeltasBytes;
  bytes += NullableBytes(record.key) + NullableBytes(record.value);
  bytes += VarintBytes(static_cast<int64_t>(record.headers.size()));
  for (const auto& [name, value] : record.headers) {
    bytes += NullableBytes(name) + NullableBytes(value);
  }
  return kBatchOverheadBytes + VarintBytes(bytes) + bytes;
}

int64_t MemoryPartition::Append(MemoryRecord record) {
  record.offset = end_offset();
  entries_.push_back({.record = std::move(record)});
  return end_offset() - 1;
}

int64_t MemoryPartition::AppendInTransaction(int64_t producer_id, MemoryRecord record) {
  const int64_t offset = Append(std::move(record));
  entries_.back().producer_id = producer_id;
  open_.try_emplace(producer_id, offset);
  return offset;
}

void MemoryPartition::WriteMarker(int64_t producer_id, bool commit) {
  const auto open = open_.find(producer_id);
  if (open != open_.end()) {
    for (int64_t offset = open->second; !commit && offset < end_offset(); ++offset) {
      Entry& entry = entries_[offset];
      if (entry.producer_id == producer_id) entry.aborted = true;
    }
    open_.erase(open);
  }
  entries_.push_back({.kind = commit ? Kind::kCommitMarker : Kind::kAbortMarker,
                      .producer_id = producer_id});
}

int64_t MemoryPartition::last_stable_offset() const {
  int64_t stable = end_offset();
  for (const auto& [producer, first] : open_) stable = std::min(stable, first);
  return stable;
}

void MemoryPartition::DeleteBefore(int64_t offset) {
  start_offset_ = std::clamp(offset, start_offset_, end_offset());
}

const MemoryRecord* MemoryPartition::Read(int64_t from) const {
  const int64_t stable = last_stable_offset();
  for (int64_t offset = std::max(from, start_offset_); offset < stable; ++offset) {
    const Entry& entry = entries_[offset];
    if (entry.kind == Kind::kRecord && !entry.aborted) return &entry.record;
  }
  return nullptr;
}

std::vector<const MemoryRecord*> MemoryPartition::ReadAll() const {
  std::vector<const MemoryRecord*> records;
  for (const MemoryRecord* record = Read(0); record != nullptr; record = Read(record->offset + 1)) {
    records.push_back(record);
  }
  return records;
}

}  // namespace turnout::support

#include "tests/support/memory_partition_reader.h"

#include <algorithm>

namespace turnout::support {
namespace {

using connectors::Event;

constexpr FaultSet kFaults = {Fault::kCrashBefore, Fault::kCrashAfter, Fault::kPause};
constexpr int64_t kTakenMax = 4;

std::string_view ViewOf(const std::optional<std::string>& bytes) {
  return bytes ? std::string_view(*bytes) : std::string_view();
}

}  // namespace

void MemoryPartitionReader::Seek(int32_t partition, int64_t offset, int64_t since_ms) {
  FaultedCall call(points_, process_, "look for what is parked", kFaults);
  call.Before().IgnoreError();
  partition_ = partition;
  skips_ = skips_first_;
  next_ = offset;
  const MemoryPartition& log = *log_->FindTopic(topic_)->partitions[partition];
  if (since_ms >= 0) {
    int64_t found = log.last_stable_offset();
    for (const MemoryRecord* record : log.ReadAll()) {
      if (record->timestamp_ms >= since_ms) found = std::min(found, record->offset);
    }
    next_ = offset < 0 ? found : std::min(found, offset);
  }
  call.After(absl::OkStatus()).IgnoreError();
}

bool MemoryPartitionReader::is_at_end() const {
  if (partition_ < 0) return false;
  const MemoryPartition& log = *log_->FindTopic(topic_)->partitions[partition_];
  return log.last_stable_offset() == log.end_offset() && log.Read(next_) == nullptr;
}

absl::Span<const Event> MemoryPartitionReader::Take() {
  taken_.clear();
  headers_.clear();
  events_.clear();
  if (partition_ < 0 || log_->random().OneIn(3)) return {};
  FaultedCall call(points_, process_, "take what was parked", kFaults);
  call.Before().IgnoreError();
  const MemoryPartition& log = *log_->FindTopic(topic_)->partitions[partition_];
  for (int64_t wanted = log_->random().Between(1, kTakenMax); wanted > 0; --wanted) {
    const MemoryRecord* const record = log.Read(next_);
    if (record == nullptr) break;
    next_ = record->offset + 1;
    if (std::exchange(skips_, false)) continue;
    taken_.push_back(*record);
  }
  for (const MemoryRecord& record : taken_) {
    auto& headers = headers_.emplace_back();
    for (const auto& [name, value] : record.headers) headers.emplace_back(name, ViewOf(value));
  }
  for (size_t i = 0; i < taken_.size(); ++i) {
    events_.push_back({.partition = partition_,
                       .offset = taken_[i].offset,
                       .timestamp_ms = taken_[i].timestamp_ms,
                       .key = ViewOf(taken_[i].key),
                       .value = ViewOf(taken_[i].value),
                       .headers = headers_[i]});
  }
  call.After(absl::OkStatus()).IgnoreError();
  return events_;
}

}  // namespace turnout::support

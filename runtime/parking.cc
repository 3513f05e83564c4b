#include "runtime/parking.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "connectors/record_size.h"
#include "runtime/parked_record.h"

namespace turnout::runtime {
namespace {

using connectors::Header;
using connectors::OutputRecord;

std::optional<std::string> CopyOf(std::string_view bytes) {
  if (bytes.data() == nullptr) return std::nullopt;
  return std::string(bytes);
}

std::string_view ViewOf(const std::optional<std::string>& bytes) {
  return bytes ? std::string_view(*bytes) : std::string_view();
}

}  // namespace

KeptRecord::KeptRecord(const OutputRecord& record)
    : timestamp_ms_(record.timestamp_ms), key_(CopyOf(record.key)), value_(CopyOf(record.value)) {
  bytes_ = sizeof(*this) + record.key.size() + record.value.size();
  for (const auto& [name, value] : record.headers) {
    headers_.emplace_back(std::string(name), CopyOf(value));
    bytes_ += sizeof(headers_.back()) + name.size() + value.size();
  }
}

connectors::Event KeptRecord::View(std::vector<Header>* headers) const {
  headers->clear();
  for (const auto& [name, value] : headers_) headers->emplace_back(name, ViewOf(value));
  return {.timestamp_ms = timestamp_ms_,
          .key = ViewOf(key_),
          .value = ViewOf(value_),
          .headers = *headers};
}

absl::StatusOr<bool> Parking::Park(const OutputRecord& output, absl::Span<const Header> why) {
  if (ledger_ == nullptr) return false;
  state::ParkingLane* lane = ledger_->LaneOf(output.topic);
  const int64_t now_ms = absl::ToUnixMillis(clock_->TimeOfDay());
  headers_.assign(output.headers.begin(), output.headers.end());
  headers_.insert(headers_.end(), why.begin(), why.end());
  OutputRecord record = output;
  record.topic = topic_;
  record.timestamp_ms = now_ms;
  headers_.emplace_back(kParkedHeader, std::string_view());
  record.headers = headers_;

  constexpr int64_t kPlaceBytes = 400;  // at most, with a group of 255
  const int64_t bytes = connectors::RecordBatchBytes(record) + kPlaceBytes;
  const absl::StatusOr<const Destination*> found = destinations_->Find(topic_, bytes);
  if (!found.ok()) return found.status();
  if (!(*found)->available) {
    const bool was_there = (*found)->partitions > 0;
    if (lane == nullptr && !was_there) return false;
    return absl::UnavailableError(
        absl::StrFormat("the parking topic '%s' can't be written: %s", topic_, (*found)->reason));
  }
  if (bytes > (*found)->record_bytes_max) return false;
  if (lane == nullptr) {
    lane = ledger_->Open(output.topic, now_ms, partition_ % std::max(1, (*found)->partitions));
  }
  EncodeParked({partition_, lane->id, lane->tail}, output.timestamp_ms, output.headers.size(),
               group_, &place_);
  headers_.back().second = place_;
  record.partition = lane->partition;
  if (absl::Status sent = sink_->Produce(record); !sent.ok()) return sent;
  ++lane->tail;
  Keep(*lane, record);
  return true;
}

void Parking::Keep(const state::ParkingLane& lane, const OutputRecord& record) {
  const auto found = tails_.find({partition_, lane.id});
  if (found == tails_.end()) return;
  Tail& tail = found->second;
  tail.records.emplace_back(record);
  tail.bytes += tail.records.back().bytes();
  if (tail.bytes > kTailBytesMax) tail = {};
}

const KeptRecord* Parking::InTail(const LaneKey& key, int64_t tail, int64_t number) const {
  const auto found = tails_.find(key);
  if (found == tails_.end()) return nullptr;
  const auto& records = found->second.records;
  const int64_t back = tail - number;  // counted from the end, 1 is the last
  if (back < 1 || back > static_cast<int64_t>(records.size())) return nullptr;
  return &records[records.size() - static_cast<size_t>(back)];
}

void Parking::Drained(const LaneKey& key, int64_t tail, int64_t head) {
  const auto found = tails_.find(key);
  if (found == tails_.end()) return;
  Tail& kept = found->second;
  while (static_cast<int64_t>(kept.records.size()) > tail - head) {
    kept.bytes -= kept.records.front().bytes();
    kept.records.pop_front();
  }
}

}  // namespace turnout::runtime

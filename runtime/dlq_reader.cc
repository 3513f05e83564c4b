#include "runtime/dlq_reader.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace turnout::runtime {
namespace {

using connectors::Event;

constexpr absl::Duration kPollWait = absl::Milliseconds(200);
constexpr absl::Duration kAskWithin = absl::Seconds(5);

}  // namespace

absl::StatusOr<std::unique_ptr<DlqReader>> DlqReader::Open(
    const connectors::KafkaClientOptions& client, const std::string& topic, int batch_events_max,
    const std::atomic<bool>* stopping) {
  auto ranges = connectors::TopicRangeReader::Make(
      {.client = client, .topic = topic, .poll_events_max = batch_events_max});
  if (!ranges.ok()) return ranges.status();
  std::unique_ptr<DlqReader> reader(new DlqReader(*std::move(ranges), stopping));
  if (absl::Status found = reader->FindBounds(); !found.ok()) return found;
  absl::Status read = reader->ReadAll([&](absl::Span<const Event> records) {
    for (const Event& record : records) {
      if (IsMark(record)) reader->put_back_[record.partition].AddMark(record.value);
    }
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return reader;
}

absl::Status DlqReader::FindBounds() {
  const absl::Time deadline = absl::Now() + kPatience;
  while (true) {
    absl::StatusOr<connectors::OffsetRanges> bounds = reader_->Bounds(kAskWithin);
    if (bounds.ok()) {
      ranges_ = *std::move(bounds);
      return absl::OkStatus();
    }
    if (!absl::IsUnavailable(bounds.status()) || absl::Now() > deadline) return bounds.status();
  }
}

void DlqReader::EndAt(const std::map<int32_t, int64_t>& ends) {
  for (auto& [partition, range] : ranges_) {
    const auto found = ends.find(partition);
    const int64_t end = found == ends.end() ? range.begin : found->second;
    range.end = std::clamp(end, range.begin, range.end);
  }
}

std::map<int32_t, int64_t> DlqReader::Ends() const {
  std::map<int32_t, int64_t> ends;
  for (const auto& [partition, range] : ranges_) ends[partition] = range.end;
  return ends;
}

absl::Status DlqReader::ReadAll(OnRecords on_records) {
  if (absl::Status started = reader_->Start(ranges_); !started.ok()) return started;
  absl::Time heard = absl::Now();
  while (!reader_->done()) {
    if (stopping_ != nullptr && *stopping_) return absl::CancelledError("stopped");
    const absl::StatusOr<absl::Span<const Event>> records = reader_->Poll(kPollWait);
    if (!records.ok() && !absl::IsUnavailable(records.status())) return records.status();
    if (records.ok() && !records->empty()) {
      if (absl::Status status = on_records(*records); !status.ok()) return status;
      heard = absl::Now();
    } else if (absl::Now() - heard > kPatience && !reader_->done()) {
      return records.ok() ? absl::UnavailableError("the brokers send nothing more")
                          : records.status();
    }
  }
  return absl::OkStatus();
}

absl::Status DlqReader::ReadLetters(OnLetter on_letter) {
  DeadLetter letter;
  return ReadAll([&](absl::Span<const Event> records) {
    for (const Event& record : records) {
      if (WasPutBack(record) || !ReadDeadLetter(record, &letter)) continue;
      if (absl::Status status = on_letter(letter); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
}

bool DlqReader::WasPutBack(const Event& record) const {
  const auto found = put_back_.find(record.partition);
  return found != put_back_.end() && found->second.Contains(record.offset);
}

}  // namespace turnout::runtime

#include "connectors/range_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "connectors/memberless_group.h"
#include "connectors/steady_clock.h"

namespace turnout::connectors {
namespace {

constexpr absl::Duration kAskTimeout = absl::Seconds(1);
// Without any event for so long, there is something to say.
constexpr absl::Duration kWaitUntold = absl::Seconds(5);
// How soon it is seen that what was held is not any more.
constexpr absl::Duration kHeldWait = absl::Milliseconds(10);

TopicRangeOptions ReaderOptions(const RangeSourceOptions& options) {
  TopicRangeOptions reader;
  reader.client = options.client;
  reader.topic = options.topic;
  reader.poll_events_max = options.poll_events_max;
  reader.poll_bytes_max = options.poll_bytes_max;
  return reader;
}

}  // namespace

RangeSource::RangeSource(const RangeSourceOptions& options)
    : options_(options), rate_(options.events_per_second_max) {}

absl::StatusOr<std::unique_ptr<RangeSource>> RangeSource::Make(const RangeSourceOptions& options) {
  std::unique_ptr<RangeSource> source(new RangeSource(options));
  auto offsets = GroupOffsets::Make(
      {.client = options.client, .group = options.group, .topic = options.topic});
  if (!offsets.ok()) return offsets.status();
  source->offsets_ = *std::move(offsets);
  auto reader = TopicRangeReader::Make(ReaderOptions(options));
  if (!reader.ok()) return reader.status();
  source->reader_ = *std::move(reader);
  return source;
}

absl::Status RangeSource::Assign(AssignmentListener& listener) {
  std::vector<int32_t> partitions;
  for (const auto& [partition, range] : options_.ranges) partitions.push_back(partition);
  const auto committed = offsets_->Read(partitions, kAskTimeout);
  if (!committed.ok()) return committed.status();
  for (const SourceOffset& offset : *committed) {
    if (offset.offset < 0) {
      return refusal_ = absl::InvalidArgumentError(
                 absl::StrCat("group ", options_.group, " has no offset of ", options_.topic,
                              ", partition ", offset.partition, " (any more)"));
    }
    next_[offset.partition] = offset.offset;
  }
  bounds_.clear();
  last_event_ = SteadyNow();
  listener.OnAssigned(*committed);
  return absl::OkStatus();
}

absl::Status RangeSource::StartReading() {
  OffsetRanges left;
  for (const auto& [partition, next] : next_) {
    if (!held_.contains(partition)) left[partition] = {next, options_.ranges.at(partition).end};
  }
  untaken_ = {};
  absl::Status started = reader_->Start(left);
  is_reading_ = started.ok();
  return started;
}

absl::StatusOr<absl::Span<const Event>> RangeSource::Poll(absl::Duration max_wait,
                                                          AssignmentListener& listener) {
  if (next_.empty()) {
    if (absl::Status assigned = Assign(listener); !assigned.ok()) return assigned;
  }
  done_ = is_all_returned();
  if (done_) return absl::Span<const Event>();
  return Take(max_wait);
}

absl::StatusOr<absl::Span<const Event>> RangeSource::TakeMore() {
  if (!is_reading_) return absl::Span<const Event>();
  return Take(absl::ZeroDuration());
}

absl::StatusOr<absl::Span<const Event>> RangeSource::Take(absl::Duration max_wait) {
  if (!is_reading_) {
    if (absl::Status started = StartReading(); !started.ok()) return started;
  }
  const absl::Duration pause = std::min(rate_.WaitTime(SteadyNow()), max_wait);
  if (pause > absl::ZeroDuration()) absl::SleepFor(pause);
  const size_t allowed = rate_.Available(SteadyNow());
  if (allowed == 0) return absl::Span<const Event>();
  if (untaken_.empty()) {
    // What is left is held, or there is none.
    if (reader_->done()) absl::SleepFor(std::min(max_wait - pause, kHeldWait));
    const auto events = reader_->Poll(max_wait - pause);
    if (absl::IsInvalidArgument(events.status())) refusal_ = events.status();
    if (!events.ok()) return events.status();
    untaken_ = *events;
  }
  const absl::Span<const Event> taken = untaken_.subspan(0, allowed);
  untaken_.remove_prefix(taken.size());
  rate_.Spend(taken.size());
  for (const Event& event : taken) next_[event.partition] = event.offset + 1;
  if (!taken.empty()) last_event_ = SteadyNow();
  return taken;
}

bool RangeSource::is_all_returned() const {
  return is_reading_ && held_.empty() && untaken_.empty() && reader_->done();
}

absl::Status RangeSource::Rewind(absl::Span<const SourceOffset> to) {
  for (const SourceOffset& target : to) {
    const auto next = next_.find(target.partition);
    if (next == next_.end()) continue;
    next->second = target.offset >= 0 ? target.offset : options_.ranges.at(target.partition).begin;
    held_.erase(target.partition);
    is_reading_ = done_ = false;
  }
  return absl::OkStatus();
}

absl::Status RangeSource::Hold(absl::Span<const int32_t> partitions) {
  for (const int32_t partition : partitions) {
    if (!next_.contains(partition) || !held_.insert(partition).second) continue;
    is_reading_ = done_ = false;
  }
  return absl::OkStatus();
}

// One question for all partitions, which come together.
absl::StatusOr<int64_t> RangeSource::BeginOffset(int32_t partition) {
  if (!bounds_.contains(partition)) {
    const auto bounds = reader_->Bounds(kAskTimeout);
    if (!bounds.ok()) return bounds.status();
    bounds_ = *bounds;
  }
  const auto found = bounds_.find(partition);
  if (found == bounds_.end()) {
    return absl::UnavailableError(
        absl::StrCat("topic ", options_.topic, " has no partition ", partition));
  }
  return found->second.begin;
}

absl::Status RangeSource::Commit(absl::Span<const SourceOffset> offsets) {
  return offsets_->Set(offsets);
}

GroupMetadata RangeSource::group_metadata() const { return MemberlessGroup(options_.group); }

int64_t RangeSource::EndOffset(int32_t partition) const {
  const auto next = next_.find(partition);
  if (next == next_.end()) return -1;
  // Behind the last event there may be markers of transactions, and what was compacted away.
  return is_all_returned() ? next->second : options_.ranges.at(partition).end;
}

std::string RangeSource::waits_for() const {
  if (next_.empty() || is_all_returned() || SteadyNow() - last_event_ < kWaitUntold) return "";
  return absl::StrCat(
      "no event of ", options_.topic, " has come for ",
      absl::FormatDuration(absl::Trunc(SteadyNow() - last_event_, absl::Seconds(1))),
      ": no broker answers, or a transaction is open in it");
}

absl::Status RangeSource::Rejoin(AssignmentListener& listener) {
  std::vector<int32_t> partitions;
  for (const auto& [partition, next] : next_) partitions.push_back(partition);
  next_.clear();
  held_.clear();
  untaken_ = {};
  is_reading_ = done_ = false;
  if (!partitions.empty()) listener.OnLost(partitions);
  return absl::OkStatus();
}

void RangeSource::Close(AssignmentListener& listener, absl::Duration /*timeout*/) {
  std::vector<int32_t> partitions;
  for (const auto& [partition, next] : next_) partitions.push_back(partition);
  if (!partitions.empty()) listener.OnRevoked(partitions);
  next_.clear();
  untaken_ = {};
  is_reading_ = false;
}

}  // namespace turnout::connectors

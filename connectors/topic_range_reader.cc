#include "connectors/topic_range_reader.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "connectors/kafka_errors.h"
#include "connectors/kafka_offsets.h"
#include "connectors/steady_clock.h"
#include "connectors/topic_consumer.h"
#include "connectors/topic_offsets.h"
#include "connectors/unreadable_batches.h"

namespace turnout::connectors {
namespace {

constexpr size_t kTakeMax = 100;
// For a question that is asked when the time is nearly over.
constexpr absl::Duration kAskTimeoutMin = absl::Milliseconds(50);

PartitionList ListOf(rd_kafka_t* client, const std::string& topic, const OffsetRanges& ranges) {
  std::vector<SourceOffset> offsets;
  for (const auto& [partition, range] : ranges) offsets.push_back({partition, range.begin, {}});
  return MakePartitionList(client, topic, offsets);
}

}  // namespace

TopicRangeReader::TopicRangeReader(const TopicRangeOptions& options)
    : options_(options), doing_("topic " + options.topic) {}

TopicRangeReader::~TopicRangeReader() { batch_.Clear(); }

absl::StatusOr<std::unique_ptr<TopicRangeReader>> TopicRangeReader::Make(
    const TopicRangeOptions& options) {
  std::unique_ptr<TopicRangeReader> reader(new TopicRangeReader(options));
  if (absl::Status status = reader->MakeClient(); !status.ok()) return status;
  return reader;
}

absl::Status TopicRangeReader::MakeClient() {
  KafkaHandleSetup setup;
  setup.client = options_.client;
  setup.owner = this;
  setup.on_error = [this](int, const std::string& reason) { last_reason_ = reason; };
  absl::StatusOr<TopicConsumer> made =
      MakeTopicConsumer({.topic = options_.topic,
                         .group_id = "turnout-range",
                         .fetch_wait_ms = 50,
                         .read_committed = options_.read_committed},
                        std::move(setup), doing_);
  if (!made.ok()) return made.status();
  consumer_ = *std::move(made);
  return absl::OkStatus();
}

// With what the client heard in the meantime, which tells a wrong address from a wrong password.
absl::Status TopicRangeReader::WithReason(const absl::Status& status) {
  if (!absl::IsUnavailable(status)) return status;
  if (rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer_.client->get(), 0)) {
    if (absl::Status kept = Keep(message); !kept.ok()) return kept;
  }
  if (last_reason_.empty()) return status;
  return absl::UnavailableError(absl::StrCat(status.message(), " (", last_reason_, ")"));
}

absl::StatusOr<int32_t> TopicRangeReader::Count(absl::Duration within) {
  const absl::StatusOr<int32_t> count =
      CountPartitions(consumer_.client->get(), consumer_.topic.get(), doing_, within);
  if (absl::IsNotFound(count.status())) {
    return absl::InvalidArgumentError(count.status().message());
  }
  if (!count.ok()) return WithReason(count.status());
  return count;
}

absl::StatusOr<std::map<int32_t, int64_t>> TopicRangeReader::Ask(int32_t partitions,
                                                                 int64_t timestamp_ms,
                                                                 absl::Time until) {
  const absl::Duration within = std::max(until - SteadyNow(), kAskTimeoutMin);
  auto offsets = OffsetsAtTime(consumer_.client->get(), options_.topic, partitions, timestamp_ms,
                               doing_, within);
  if (!offsets.ok()) return WithReason(offsets.status());
  return offsets;
}

absl::StatusOr<OffsetRanges> TopicRangeReader::Bounds(absl::Duration within) {
  const absl::Time until = SteadyNow() + within;
  const absl::StatusOr<int32_t> count = Count(within);
  if (!count.ok()) return count.status();
  const auto begins = Ask(*count, kBeginningOfLog, until);
  if (!begins.ok()) return begins.status();
  const auto ends = Ask(*count, kEndOfLog, until);
  if (!ends.ok()) return ends.status();
  OffsetRanges bounds;
  for (const auto& [partition, begin] : *begins) {
    const int64_t end = ends->at(partition);
    if (begin < 0 || end < 0) {
      return absl::UnavailableError(
          absl::StrCat(doing_, ": the broker does not know where partition ", partition, " ends"));
    }
    bounds[partition] = {begin, end};
  }
  return bounds;
}

absl::StatusOr<std::map<int32_t, int64_t>> TopicRangeReader::OffsetsAt(int64_t timestamp_ms,
                                                                       absl::Duration within) {
  const absl::Time until = SteadyNow() + within;
  const absl::StatusOr<OffsetRanges> bounds = Bounds(within);
  if (!bounds.ok()) return bounds.status();
  auto offsets =
      Ask(static_cast<int32_t>(bounds->size()), std::max<int64_t>(timestamp_ms, 0), until);
  if (!offsets.ok()) return offsets;
  for (auto& [partition, offset] : *offsets) {
    if (offset < 0) offset = bounds->at(partition).end;
  }
  return offsets;
}

absl::Status TopicRangeReader::Start(const OffsetRanges& ranges) {
  batch_.Clear();
  returned_ = 0;
  left_.clear();
  for (const auto& [partition, range] : ranges) {
    if (range.begin < range.end) left_[partition] = range;
  }
  const PartitionList list = ListOf(consumer_.client->get(), options_.topic, left_);
  const rd_kafka_resp_err_t code = rd_kafka_assign(consumer_.client->get(), list.get());
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? absl::OkStatus() : StatusOfKafkaCode(code, doing_);
}

absl::StatusOr<absl::Span<const Event>> TopicRangeReader::Poll(absl::Duration max_wait) {
  batch_.ReleaseReturned();
  returned_ = 0;
  if (batch_.empty() && !left_.empty()) {
    if (absl::Status taken = TakeMessages(max_wait); !taken.ok()) return taken;
  }
  const absl::Span<const Event> events =
      batch_.Return(static_cast<size_t>(options_.poll_events_max), options_.poll_bytes_max);
  returned_ = events.size();
  return events;
}

absl::Status TopicRangeReader::TakeMessages(absl::Duration max_wait) {
  const int64_t wait_ms = std::clamp<int64_t>(absl::ToInt64Milliseconds(max_wait), 0, 60'000);
  rd_kafka_message_t* first =
      rd_kafka_consumer_poll(consumer_.client->get(), static_cast<int>(wait_ms));
  if (first == nullptr) return FatalKafkaError(consumer_.client->get(), doing_);
  absl::Status status = Keep(first);
  while (status.ok() && batch_.size() < static_cast<size_t>(options_.poll_events_max) &&
         batch_.bytes() < options_.poll_bytes_max) {
    rd_kafka_message_t* taken[kTakeMax];
    const ssize_t count = rd_kafka_consume_batch_queue(consumer_.queue.get(), 0, taken, kTakeMax);
    for (ssize_t i = 0; i < count; ++i) status.Update(Keep(taken[i]));
    if (count < static_cast<ssize_t>(kTakeMax)) break;
  }
  return status;
}

// Takes over a message; one that is an error is sorted instead.
absl::Status TopicRangeReader::Keep(rd_kafka_message_t* message) {
  const int32_t partition = message->partition;
  const rd_kafka_resp_err_t code = message->err;
  const auto found = left_.find(partition);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR && found != left_.end()) {
    const int64_t next = message->offset + 1;
    const bool is_wanted =
        message->offset >= found->second.begin && message->offset < found->second.end;
    is_wanted ? batch_.Add(message) : rd_kafka_message_destroy(message);
    refusals_.erase(partition);
    return MoveTo(partition, next);
  }
  const std::string reason =
      code == RD_KAFKA_RESP_ERR_NO_ERROR ? "" : rd_kafka_message_errstr(message);
  const int64_t offset = message->offset;
  rd_kafka_message_destroy(message);
  switch (code) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      return MoveTo(partition, offset);
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      if (found == left_.end()) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat(doing_, ": partition ", partition,
                                                     " does not have offset ", found->second.begin,
                                                     " (any more): ", reason));
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
      if (found == left_.end()) return absl::OkStatus();
      if (offset >= found->second.end) return MoveTo(partition, offset);
      // What else was in the broker's answer may have been the reason (unpack_bound.h).
      if (++refusals_[partition] < kUnreadableTriesMax) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat(doing_, ": partition ", partition, ": the batch that begins at offset ",
                       offset, " can't be unpacked: end before it, or begin behind it: ", reason));
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return StatusOfKafkaCode(code, doing_);
    case RD_KAFKA_RESP_ERR__FATAL:
      return FatalKafkaError(consumer_.client->get(), doing_);
    default:
      return absl::OkStatus();  // librdkafka tries again by itself
  }
}

// What is before `next` has been seen. A range that is over is no longer fetched.
absl::Status TopicRangeReader::MoveTo(int32_t partition, int64_t next) {
  const auto found = left_.find(partition);
  if (found == left_.end()) return absl::OkStatus();
  found->second.begin = std::max(found->second.begin, next);
  if (found->second.begin < found->second.end) return absl::OkStatus();
  const PartitionList list = ListOf(consumer_.client->get(), options_.topic, {*found});
  left_.erase(found);
  return TakeKafkaError(consumer_.client->get(),
                        rd_kafka_incremental_unassign(consumer_.client->get(), list.get()), doing_);
}

}  // namespace turnout::connectors

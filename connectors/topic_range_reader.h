// TopicRangeReader: reads ranges of offsets of a topic's partitions, and knows when they are over:
// no group, nothing committed, nothing followed.
//
// First ask where the logs begin and end (Bounds) or what was written since some time (OffsetsAt),
// then Start the ranges and Poll until `done`. A range is over at its end, also where the log has
// no record there: markers of transactions, aborted records, and what was compacted away are passed
// over. A range that goes on behind the log's end (or behind an open transaction, where committed
// records are read) is not over until the log has come so far: deadlines are the caller's.
//
// Errors: Unavailable - no broker answered within the time: call again; the message has what the
//   client last heard. InvalidArgument - the topic doesn't exist or may not be read, or the log no
//   longer begins where a range does; Poll says so also when records go while they are waited for;
//   a batch in a range can't be unpacked.
//   Internal - the client is unusable.
// Units: an end is the offset behind the last record. Threads: one thread calls everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/kafka_client.h"
#include "connectors/message_batch.h"
#include "connectors/record.h"
#include "connectors/topic_consumer.h"

namespace turnout::connectors {

struct TopicRangeOptions {
  KafkaClientOptions client;
  std::string topic;
  bool read_committed = true;        // else also what was aborted, and what is not committed yet
  int poll_events_max = 1'000;       // events a Poll returns at most
  int64_t poll_bytes_max = 4 << 20;  // payload bytes a Poll returns at most, or one event
};

struct OffsetRange {
  int64_t begin = 0;
  int64_t end = 0;
};

// By partition.
using OffsetRanges = std::map<int32_t, OffsetRange>;

class TopicRangeReader {
 public:
  // Talks to nobody yet.
  static absl::StatusOr<std::unique_ptr<TopicRangeReader>> Make(const TopicRangeOptions& options);
  ~TopicRangeReader();

  // What the log of each partition holds. Where only committed records are read, the end is the
  // last stable one.
  absl::StatusOr<OffsetRanges> Bounds(absl::Duration within);

  // Of each partition: the first record whose timestamp is at least this, the log's end where there
  // is none.
  absl::StatusOr<std::map<int32_t, int64_t>> OffsetsAt(int64_t timestamp_ms, absl::Duration within);

  // Reads these from now on and no others. Partitions that the topic doesn't have are never over.
  absl::Status Start(const OffsetRanges& ranges);

  // Waits up to `max_wait` for a first event, then takes what is there, up to the limits. Events of
  // one partition are in order. Empty when nothing came.
  // Lifetime: events are valid until the next Poll or Start.
  absl::StatusOr<absl::Span<const Event>> Poll(absl::Duration max_wait);

  // All ranges are over.
  bool done() const { return left_.empty() && batch_.size() == returned_; }

 private:
  explicit TopicRangeReader(const TopicRangeOptions& options);

  absl::Status MakeClient();
  absl::StatusOr<int32_t> Count(absl::Duration within);
  absl::StatusOr<std::map<int32_t, int64_t>> Ask(int32_t partitions, int64_t timestamp_ms,
                                                 absl::Time until);
  absl::Status WithReason(const absl::Status& status);
  absl::Status TakeMessages(absl::Duration max_wait);
  absl::Status Keep(rd_kafka_message_s* message);
  absl::Status MoveTo(int32_t partition, int64_t next);

  const TopicRangeOptions options_;
  const std::string doing_;
  TopicConsumer consumer_;
  std::string last_reason_;  // of the client's last trouble
  std::map<int32_t, int>
      refusals_;       // of what can't be unpacked, by partition, since its last record
  OffsetRanges left_;  // `begin` is the next offset to read
  MessageBatch batch_;
  size_t returned_ = 0;  // of the batch, with the last Poll
};

}  // namespace turnout::connectors

// TableSource: a compacted topic that a table is kept from, read whole: every partition, committed
// records only, no group.
//
// Reading begins at the offsets that a store has applied already, and at the beginning of the log
// where it has none. Partitions that the topic gains are read from their beginning as soon as they
// are noticed. A topic whose log no longer fits to the offsets (it begins after them or ends before
// them, or the topic was away in between) was made anew: then everything is read again.
//
// Implemented by KafkaTableSource (librdkafka) and by a fake in the tests.
//
// Limits: a topic that is deleted and made again between two looks (kTableLookEvery), and has grown
//   past what was read by then, is not noticed.
// Errors: Unavailable - the brokers can't be reached: call again. InvalidArgument - the topic
//   doesn't exist or may not be read: a person must act, the message says how; calling again is
//   right once they have. Internal - the client is unusable.
// Threads: one thread calls everything.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/kafka_client.h"
#include "connectors/record.h"
#include "connectors/topic_admin.h"

namespace turnout::connectors {

// What Kafka keeps deletions for by default (delete.retention.ms): taken for true where the topic's
// own may not be asked for.
inline constexpr absl::Duration kDeletionsKeptFor = absl::Hours(24);

// Between two looks at the topic: for new partitions, a new log, and how far behind we are.
inline constexpr absl::Duration kTableLookEvery = absl::Seconds(5);

// What one Poll brought.
struct TableBatch {
  // Everything before this is void, whatever was read: forget it all, then take these.
  bool starts_anew = false;
  // A partition's in order; a null value deletes. Valid until the next Poll.
  absl::Span<const Event> records;
  // Next offsets of the partitions that have moved, these records included.
  std::map<int32_t, int64_t> next_offsets;
};

// What is known of the topic, and of what has been returned of it.
struct TableLook {
  absl::Time at = absl::InfinitePast();       // of the last look that was answered
  absl::Time reached = absl::InfinitePast();  // of the last one whose ends have been read up to
  // From when a deletion came on it is in the log for so long at least; later it may be gone with
  // all that it deleted, and who reads on from before it never learns of it.
  absl::Duration deletions_kept_for = kDeletionsKeptFor;
};

class TableSource {
 public:
  virtual ~TableSource() = default;

  // Waits up to `max_wait` for a first record, then takes what is there, kTablePollRecordsMax at
  // most.
  virtual absl::StatusOr<TableBatch> Poll(absl::Duration max_wait) = 0;

  // Everything is to be read again, whatever was read: the next answer starts anew.
  virtual void StartAnew() = 0;

  // Whether the end has been reached that the topic had when reading began (anew); of new
  // partitions, when they were noticed.
  virtual bool loaded() const = 0;

  virtual TableLook look() const = 0;

  // Offsets between what was returned and the end as of the last look, over all partitions.
  virtual int64_t lag() const = 0;
};

inline constexpr size_t kTablePollRecordsMax = 1'000;

struct KafkaTableOptions {
  KafkaClientOptions client;
  // Borrowed; asked how long deletions are kept. Null: it is not asked.
  TopicAdmin* admin = nullptr;
  std::string topic;
  std::map<int32_t, int64_t> offsets;  // next ones to read; others are read from the beginning
};

absl::StatusOr<std::unique_ptr<TableSource>> MakeKafkaTableSource(const KafkaTableOptions& options);

}  // namespace turnout::connectors

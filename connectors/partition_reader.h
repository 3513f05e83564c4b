// PartitionReader: committed records of one partition of a topic at a time, from a place on, for a
// caller that may not wait. A thread of its own does the waiting.
//
// Limits: kReaderBytesMax or kReaderRecordsMax of records lie ready at most.
// Errors: none: what the brokers don't give yet comes later; `trouble` says why it doesn't.
// Threads: one thread calls everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/kafka_client.h"
#include "connectors/record.h"

namespace turnout::connectors {

inline constexpr size_t kReaderBytesMax = 1 << 20;
inline constexpr size_t kReaderRecordsMax = 1'000;

class PartitionReader {
 public:
  virtual ~PartitionReader() = default;

  // From now on the records of this partition that lie at `offset` or behind it, and also those
  // before it from the first one on whose timestamp is `since_ms` or later; either may be -1, which
  // names none. What was asked for before is over.
  virtual void Seek(int32_t partition, int64_t offset, int64_t since_ms) = 0;
  // Nothing is read any more.
  virtual void Stop() = 0;

  // What has come, in order; empty: nothing yet. Never waits.
  // Lifetime: until the next call of any method.
  virtual absl::Span<const Event> Take() = 0;

  // Whether all was taken that the log held at a time since the last Seek, with no transaction open
  // in it then.
  virtual bool is_at_end() const = 0;

  virtual std::string trouble() const = 0;
};

// Connects, and has a thread, from the first Seek on.
std::unique_ptr<PartitionReader> MakeKafkaPartitionReader(const KafkaClientOptions& options,
                                                          const std::string& topic);

}  // namespace turnout::connectors

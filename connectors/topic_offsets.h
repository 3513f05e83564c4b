// What a consumer asks of a topic before it reads it: how many partitions, and offsets by time.
//
// Internal to connectors/. Each question is one call that waits for its answer, `within` at most.
//
// Errors: Unavailable - no broker answered, or a partition has no leader. NotFound - the topic
//   doesn't exist, or this principal may not know that it does. Others as kafka_errors sorts them.
// Units: milliseconds since the Unix epoch.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

extern "C" {
struct rd_kafka_s;
struct rd_kafka_topic_s;
}

namespace turnout::connectors {

// Names that ListOffsets has for a log's beginning, and for its end: the last stable offset where
// only committed records are read.
inline constexpr int64_t kBeginningOfLog = -2;
inline constexpr int64_t kEndOfLog = -1;

// `doing` begins the errors' messages.
absl::StatusOr<int32_t> CountPartitions(rd_kafka_s* client, rd_kafka_topic_s* topic,
                                        const std::string& doing, absl::Duration within);

// Of partitions 0 to `partitions`: the offset of the first record at or after `timestamp_ms`, or of
// a name above. -1 where there is no such record.
absl::StatusOr<std::map<int32_t, int64_t>> OffsetsAtTime(rd_kafka_s* client,
                                                         const std::string& topic,
                                                         int32_t partitions, int64_t timestamp_ms,
                                                         const std::string& doing,
                                                         absl::Duration within);

}  // namespace turnout::connectors

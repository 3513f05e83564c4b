// EventSample: a few of the newest events of a topic, for people to look at: read from the brokers
// by a client of its own, so that routing neither keeps nor passes on anything for it.
//
// Errors: those of connectors/topic_range_reader.h.
// Limits: of partitions that hold anything kSamplePartitionsMax are looked at, evenly spread and
//   the same ones each time: of more, what others hold is not seen. Texts of more than
//   kSampledBytesMax are not shown.
// Threads: any; blocks, up to `within` and the time that a client takes to end.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/kafka_client.h"
#include "runtime/event_mask.h"
#include "runtime/explained_event.h"

namespace turnout::runtime {

inline constexpr size_t kSamplePartitionsMax = 8;
inline constexpr size_t kSampledBytesMax = 16u << 10;
inline constexpr size_t kSampledHeadersMax = 30;
inline constexpr size_t kSampledAllBytesMax = 512u << 10;  // events beyond it are left out

// At most `events`, the newest first.
absl::StatusOr<std::vector<ExplainedEvent>> ReadSample(const connectors::KafkaClientOptions& client,
                                                       const std::string& topic, size_t events,
                                                       absl::Duration within);

// [{"partition", "offset", "timestamp", "key", "value", "note", "headers": [{"name", "value"}]}]:
// `value` is the payload's JSON as a text, masked; where it can't be shown there is a `note`.
std::string SampleJson(const std::vector<ExplainedEvent>& events, const EventMask& mask);

}  // namespace turnout::runtime

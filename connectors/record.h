// Records as they come in from the source and as they go out to the sink. Views only.
//
// A string_view whose data() is null stands for Kafka's null (no key, tombstone value, null header
// value); an empty one with a non-null data() is an empty string.
// Units: timestamps in milliseconds since the Unix epoch. Offsets are the next to read, except
//   Event::offset, which is the event's own position.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/types/span.h"

namespace turnout::connectors {

// Name and value of a record header.
using Header = std::pair<std::string_view, std::string_view>;

// Of an event that stands for a record whose batch can't be unpacked: why. It has no key, no value
// and no other header.
inline constexpr std::string_view kUnreadableHeader = "turnout-unreadable";

// One record of the source topic.
struct Event {
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t timestamp_ms = 0;
  std::string_view key;
  std::string_view value;
  absl::Span<const Header> headers;
};

// One record to produce. The sink chooses the partition where none is named: murmur2 of the key as
// Java clients do, any for a null key.
struct OutputRecord {
  std::string_view topic;
  int64_t timestamp_ms = 0;
  std::string_view key;
  std::string_view value;
  absl::Span<const Header> headers;
  int32_t partition = -1;  // -1: the sink chooses
};

// How far a partition of the source has been consumed, with the note kept beside it in the offset's
// metadata (text without NUL, at most 4,096 bytes, the broker's limit).
struct SourceOffset {
  int32_t partition = 0;
  int64_t offset = -1;  // next to read; -1: nothing committed yet
  std::string note;
};

// What a transaction needs to know of the consumer whose offsets it carries (KIP-447): the broker
// refuses offsets of a member that has lost its partitions.
struct GroupMetadata {
  std::string group_id;
  int32_t generation = -1;
  std::string member_id;
  std::string group_instance_id;  // empty: none
};

}  // namespace turnout::connectors

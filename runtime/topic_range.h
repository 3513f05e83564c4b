// TopicRange: which part of a topic a person means: from where to where, in every partition.
//
// Said as a time (`2026-11-20T08:00:00Z`, or `7d` for that long ago), an offset of every partition
// (`1742`), offsets of some (`0:1742,3:88`: then of no others), `earliest`, `now`, or `live`: where
// the live pipeline takes over. A time stands for the first record of that time or later.
//
// Errors: InvalidArgument - what was said is none of these, or the topic does not hold it (any
//   more), or it ends before it begins: the message says what to do. Unavailable - no broker
//   answered.
// Threads: pure functions, but for FindRange, which asks brokers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/topic_admin.h"
#include "connectors/topic_range_reader.h"

namespace turnout::runtime {

struct RangeBound {
  enum class Kind { kEarliest, kNow, kLive, kTime, kOffset, kOffsets };

  Kind kind = Kind::kEarliest;
  absl::Time time;                     // kTime, kNow
  int64_t offset = 0;                  // kOffset
  std::map<int32_t, int64_t> offsets;  // kOffsets, by partition
};

absl::StatusOr<RangeBound> ParseRangeBound(std::string_view text, absl::Time now);

// What is known of the topic, by partition.
struct TopicFacts {
  connectors::OffsetRanges log;
  std::map<int32_t, int64_t> at_from;  // where `from` is a time: of the first record then or later
  std::map<int32_t, int64_t> at_to;
  std::map<int32_t, int64_t> live_from;  // where `to` is kLive: the first offset that is live's
  // What is from then or later and not there never was; the topic may have lost what is older.
  absl::Time removes_before = absl::InfiniteFuture();
};

// A range for each partition that is meant; empty ones too.
absl::StatusOr<connectors::OffsetRanges> ResolveRange(const RangeBound& from, const RangeBound& to,
                                                      const TopicFacts& facts);

// The same by what brokers say. `live_from` as in TopicFacts.
absl::StatusOr<connectors::OffsetRanges> FindRange(const RangeBound& from, const RangeBound& to,
                                                   std::map<int32_t, int64_t> live_from,
                                                   const connectors::TopicDescription& topic,
                                                   connectors::TopicRangeReader& reader,
                                                   absl::Time now);

// False: it is offsets that were said, and they are others than the ranges have. What a time or a
// word meant when the ranges were found can't be told.
bool MayMean(const RangeBound& from, const RangeBound& to, const connectors::OffsetRanges& ranges);

// As a person may say them: "from 0:5,1:0 to 0:40,1:10".
std::string FormatRanges(const connectors::OffsetRanges& ranges);

// Offsets of all ranges together.
int64_t SizeOf(const connectors::OffsetRanges& ranges);

}  // namespace turnout::runtime

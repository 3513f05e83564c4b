#include "runtime/topic_range.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "runtime/config_values.h"

namespace turnout::runtime {
namespace {

using connectors::OffsetRange;
using connectors::OffsetRanges;
using Kind = RangeBound::Kind;

constexpr absl::Duration kAskTimeout = absl::Seconds(5);

bool ReadOffset(absl::string_view text, int64_t* offset) {
  return absl::SimpleAtoi(text, offset) && *offset >= 0;
}

// `0:1742,3:88`
bool ReadOffsets(absl::string_view text, std::map<int32_t, int64_t>* offsets) {
  for (const absl::string_view entry : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(entry, absl::MaxSplits(':', 1));
    int32_t partition = 0;
    int64_t offset = 0;
    if (!absl::SimpleAtoi(parts.first, &partition) || partition < 0) return false;
    if (!ReadOffset(parts.second, &offset)) return false;
    if (!offsets->emplace(partition, offset).second) return false;
  }
  return true;
}

int64_t ValueAt(const std::map<int32_t, int64_t>& offsets, int32_t partition, int64_t otherwise) {
  const auto found = offsets.find(partition);
  return found == offsets.end() ? otherwise : found->second;
}

std::string OfPartition(int32_t partition) { return absl::StrCat("partition ", partition); }

absl::Status NoLongerHeld(int32_t partition, int64_t begin, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("the source no longer holds ", what, ": ",
                                                 OfPartition(partition), " begins at offset ",
                                                 begin, " (say `earliest` for all that there is)"));
}

bool IsTime(const RangeBound& bound) {
  return bound.kind == Kind::kTime || bound.kind == Kind::kNow;
}

bool IsOffset(const RangeBound& bound) {
  return bound.kind == Kind::kOffset || bound.kind == Kind::kOffsets;
}

absl::Status Inverted(const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("the range ends before it begins: ", what, " (swap the two)"));
}

// Of what can't be compared, as a time and an offset, one may well lie behind the other in some
// partitions: there is nothing in those.
absl::Status CheckOrder(const RangeBound& from, const RangeBound& to) {
  if (!IsTime(from) || !IsTime(to) || from.time <= to.time) return absl::OkStatus();
  return Inverted(absl::StrCat("from ", absl::FormatTime(from.time, absl::UTCTimeZone()), " to ",
                               absl::FormatTime(to.time, absl::UTCTimeZone())));
}

// Where an offset is said for the partition; else nullopt.
std::optional<int64_t> SaidOffset(const RangeBound& bound, int32_t partition) {
  if (bound.kind == Kind::kOffset) return bound.offset;
  if (bound.kind != Kind::kOffsets) return std::nullopt;
  const auto found = bound.offsets.find(partition);
  if (found == bound.offsets.end()) return std::nullopt;
  return found->second;
}

// Whether both name the partition, as far as they name any.
bool Names(const RangeBound& from, const RangeBound& to, int32_t partition) {
  return std::ranges::all_of(
      std::initializer_list<const RangeBound*>{&from, &to}, [&](const RangeBound* bound) {
        return bound->kind != Kind::kOffsets || bound->offsets.contains(partition);
      });
}

std::string JoinOffsets(const OffsetRanges& ranges, int64_t OffsetRange::*offset) {
  return absl::StrJoin(ranges, ",", [&](std::string* out, const auto& one) {
    absl::StrAppend(out, one.first, ":", one.second.*offset);
  });
}

// The partitions that are meant: all of the log, or those that offsets are named of.
absl::StatusOr<OffsetRanges> Meant(const RangeBound& from, const RangeBound& to,
                                   const TopicFacts& facts) {
  OffsetRanges meant = facts.log;
  for (const RangeBound* const bound : {&from, &to}) {
    if (bound->kind != Kind::kOffsets) continue;
    for (const auto& [partition, offset] : bound->offsets) {
      if (!facts.log.contains(partition)) {
        return absl::InvalidArgumentError(absl::StrCat("the topic has no partition ", partition,
                                                       ", it has ", facts.log.size(), " of them"));
      }
    }
    std::erase_if(meant, [&](const auto& one) { return !bound->offsets.contains(one.first); });
  }
  return meant;
}

absl::StatusOr<int64_t> BeginOf(const RangeBound& from, int32_t partition, const OffsetRange& log,
                                const TopicFacts& facts) {
  int64_t begin = log.begin;
  switch (from.kind) {
    case Kind::kEarliest:
      return begin;
    case Kind::kNow:
      return log.end;
    case Kind::kLive:
      return absl::InvalidArgumentError("`live` is where a range ends, not where it begins");
    case Kind::kTime:
      // Behind the end where the record has come since.
      begin = std::min(ValueAt(facts.at_from, partition, log.end), log.end);
      // Whether there were others before, nobody can say.
      if (begin == log.begin && begin > 0 && begin < log.end && from.time < facts.removes_before) {
        return NoLongerHeld(partition, log.begin, "all since then");
      }
      return begin;
    case Kind::kOffset:
      begin = from.offset;
      break;
    case Kind::kOffsets:
      begin = from.offsets.at(partition);
      break;
  }
  if (begin < log.begin) {
    return NoLongerHeld(partition, log.begin, absl::StrCat("offset ", begin));
  }
  if (begin > log.end) {
    return absl::InvalidArgumentError(
        absl::StrCat(OfPartition(partition), " has no offset ", begin, ": it ends at ", log.end));
  }
  return begin;
}

absl::StatusOr<int64_t> EndOf(const RangeBound& to, int32_t partition, const OffsetRange& log,
                              const TopicFacts& facts) {
  int64_t end = log.end;
  switch (to.kind) {
    case Kind::kEarliest:
      return absl::InvalidArgumentError("`earliest` is where a range begins, not where it ends");
    case Kind::kNow:
      return end;
    case Kind::kLive:
      end = ValueAt(facts.live_from, partition, log.end);
      break;
    case Kind::kTime:
      end = std::min(ValueAt(facts.at_to, partition, log.end), log.end);
      break;
    case Kind::kOffset:
      end = to.offset;
      break;
    case Kind::kOffsets:
      end = to.offsets.at(partition);
      break;
  }
  if (end > log.end) {
    return absl::InvalidArgumentError(absl::StrCat(OfPartition(partition), " ends at offset ",
                                                   log.end, ", before ", end,
                                                   " (say `now` for all that there is)"));
  }
  return end;
}

}  // namespace

absl::StatusOr<RangeBound> ParseRangeBound(std::string_view said, absl::Time now) {
  const absl::string_view text(said.data(), said.size());
  RangeBound bound;
  std::string fault;
  if (text == "earliest") {
    bound.kind = Kind::kEarliest;
  } else if (text == "now") {
    bound.kind = Kind::kNow;
    bound.time = now;
  } else if (text == "live") {
    bound.kind = Kind::kLive;
  } else if (ReadOffset(text, &bound.offset)) {
    bound.kind = Kind::kOffset;
  } else if (const auto ago_ms = ParseDurationMs(said); ago_ms) {
    bound.kind = Kind::kTime;
    bound.time = now - absl::Milliseconds(*ago_ms);
  } else if (absl::ParseTime(absl::RFC3339_full, text, &bound.time, &fault)) {
    bound.kind = Kind::kTime;
  } else if (ReadOffsets(text, &bound.offsets)) {
    bound.kind = Kind::kOffsets;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("`", text,
                     "` is neither a time (2026-11-20T08:00:00Z, or 7d for that long ago) nor an "
                     "offset (1742 of "
                     "every partition, or 0:1742,3:88 of some), nor one of earliest, now, live"));
  }
  return bound;
}

absl::StatusOr<OffsetRanges> ResolveRange(const RangeBound& from, const RangeBound& to,
                                          const TopicFacts& facts) {
  if (absl::Status fine = CheckOrder(from, to); !fine.ok()) return fine;
  absl::StatusOr<OffsetRanges> ranges = Meant(from, to, facts);
  if (!ranges.ok()) return ranges;
  for (auto& [partition, range] : *ranges) {
    const OffsetRange& log = facts.log.at(partition);
    const absl::StatusOr<int64_t> begin = BeginOf(from, partition, log, facts);
    if (!begin.ok()) return begin.status();
    const absl::StatusOr<int64_t> end = EndOf(to, partition, log, facts);
    if (!end.ok()) return end.status();
    if (*end < *begin && IsOffset(from) && IsOffset(to)) {
      return Inverted(absl::StrCat(OfPartition(partition), ", from offset ", *begin, " to ", *end));
    }
    range = {*begin, std::max(*begin, *end)};
  }
  return ranges;
}

absl::StatusOr<OffsetRanges> FindRange(const RangeBound& from, const RangeBound& to,
                                       std::map<int32_t, int64_t> live_from,
                                       const connectors::TopicDescription& topic,
                                       connectors::TopicRangeReader& reader, absl::Time now) {
  TopicFacts facts;
  facts.live_from = std::move(live_from);
  const auto bounds = reader.Bounds(kAskTimeout);
  if (!bounds.ok()) return bounds.status();
  facts.log = *bounds;
  if (topic.retention_ms > 0 && topic.retention_bytes <= 0 && !topic.compacted) {
    facts.removes_before = now - absl::Milliseconds(topic.retention_ms);
  }
  for (const auto& [bound, offsets] :
       {std::pair(&from, &facts.at_from), std::pair(&to, &facts.at_to)}) {
    if (bound->kind != Kind::kTime) continue;
    auto found = reader.OffsetsAt(absl::ToUnixMillis(bound->time), kAskTimeout);
    if (!found.ok()) return found.status();
    *offsets = *std::move(found);
  }
  return ResolveRange(from, to, facts);
}

bool MayMean(const RangeBound& from, const RangeBound& to, const OffsetRanges& ranges) {
  for (const RangeBound* const bound : {&from, &to}) {
    for (const auto& [partition, offset] : bound->offsets) {
      if (Names(from, to, partition) && !ranges.contains(partition)) return false;
    }
  }
  return std::ranges::all_of(ranges, [&](const auto& one) {
    const auto& [partition, range] = one;
    const int64_t begin = SaidOffset(from, partition).value_or(range.begin);
    const int64_t end = SaidOffset(to, partition).value_or(range.end);
    // An end before the beginning stands for nothing there.
    return Names(from, to, partition) && begin == range.begin && std::max(begin, end) == range.end;
  });
}

std::string FormatRanges(const OffsetRanges& ranges) {
  return absl::StrCat("from ", JoinOffsets(ranges, &OffsetRange::begin), " to ",
                      JoinOffsets(ranges, &OffsetRange::end));
}

int64_t SizeOf(const OffsetRanges& ranges) {
  int64_t size = 0;
  for (const auto& [partition, range] : ranges) size += range.end - range.begin;
  return size;
}

}  // namespace turnout::runtime

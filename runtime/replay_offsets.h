// ReplayOffsets: what the committed offsets of a replay's group, and the notes beside them, say of
// it: nothing is kept of a replay anywhere else but the state of its steps.
//
// Errors: InvalidArgument - the offsets are those of something else, or of another range: says what
//   to do.
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/record.h"
#include "connectors/topic_range_reader.h"
#include "router/rule_set.h"
#include "runtime/topic_range.h"

namespace turnout::runtime {

struct JobProgress {
  connectors::OffsetRanges ranges;  // of the partitions that it is of; none: it has not begun
  int64_t left = 0;                 // offsets
};

// `committed` is of all partitions of the source, -1 where there is nothing.
absl::StatusOr<JobProgress> ReadJobProgress(const std::string& job, const router::RuleSet& rules,
                                            absl::Span<const connectors::SourceOffset> committed);

// Whether the range that is asked for may be the one that the job began with.
absl::Status CheckAskedRange(const std::string& job, const RangeBound& from, const RangeBound& to,
                             const JobProgress& progress);

// With what it begins: each partition's beginning, and where it will end.
std::vector<connectors::SourceOffset> FirstReplayOffsets(const router::RuleSet& rules,
                                                         const connectors::OffsetRanges& ranges);

// With what it ends: each partition that it is of at its end, though there may be no event there.
std::vector<connectors::SourceOffset> LastReplayOffsets(
    const connectors::OffsetRanges& ranges, absl::Span<const connectors::SourceOffset> committed);

}  // namespace turnout::runtime

// LiveJoin: from which offset of each partition on live traffic sends by a rule: where a replay of
// what came before ends, so that both together have each event once.
//
// The notes beside the live group's committed offsets say which rule sets were in force since which
// offset. A rule joins where the first of them sends by it, under its name, after which all do;
// what else changed since, also in the rule itself, is live traffic's. While it is in shadow it
// sends nothing; where it was sent for a share of keys, no offset is where live takes over. A
// partition in which all is committed, and no event has come since the rule came elsewhere, has no
// such note: its end is where live traffic will begin, once all routers have the rule.
//
// Errors: InvalidArgument - it can't be told, or live traffic has always had the rule: says why.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/record.h"
#include "connectors/topic_range_reader.h"

namespace turnout::runtime {

// What live traffic sends by the rule of what it matches: nothing also where there is no such rule.
enum class RuleReach { kNothing, kShare, kAll };

// Of the rule set of this hash; nullopt: nobody here knows it.
using ReachInRuleSet = absl::FunctionRef<std::optional<RuleReach>(const std::string& hash)>;

struct LiveJoin {
  std::map<int32_t, int64_t> from;  // by partition: the first offset that is live traffic's
  std::vector<int32_t> idle;        // without an event since; with their ends in `from`
  std::vector<int32_t> waiting;     // the rule has not taken effect there
};

// `committed` is of all partitions of `log`.
absl::StatusOr<LiveJoin> FindLiveJoin(absl::Span<const connectors::SourceOffset> committed,
                                      const connectors::OffsetRanges& log, ReachInRuleSet reach_in);

}  // namespace turnout::runtime

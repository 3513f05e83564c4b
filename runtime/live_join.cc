#include "runtime/live_join.h"

#include "absl/strings/str_cat.h"
#include "state/commit_note.h"

namespace turnout::runtime {
namespace {

using connectors::OffsetRange;
using connectors::SourceOffset;

absl::Status CanNotTell(int32_t partition, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("where live traffic takes over in partition ",
                                                 partition, " can't be told: ", why,
                                                 " (name the offsets, as in --to 0:1742,1:88)"));
}

// The first offset from which on all rule sets send by the rule; nullopt: the last one does not.
absl::StatusOr<std::optional<int64_t>> JoinOf(int32_t partition, const state::CommitNote& note,
                                              int64_t log_begin, ReachInRuleSet reach_in) {
  std::optional<int64_t> join;
  for (size_t i = note.rule_sets.size(); i-- > 0;) {
    const state::RuleSetSince& one = note.rule_sets[i];
    const std::optional<RuleReach> reach = reach_in(one.hash);
    if (!reach) {
      return CanNotTell(partition, absl::StrCat("nobody here knows the rule set ", one.hash,
                                                ", in force there since offset ", one.offset));
    }
    if (*reach == RuleReach::kShare) {
      return CanNotTell(partition, absl::StrCat("since offset ", one.offset,
                                                " it has sent for a share of the keys"));
    }
    if (*reach == RuleReach::kNothing) return join;
    join = one.offset;
  }
  if (join && *join > log_begin) {
    return CanNotTell(partition,
                      absl::StrCat("the rule was there at offset ", *join,
                                   " already, and what was in force before is forgotten"));
  }
  return join;
}

}  // namespace

absl::StatusOr<LiveJoin> FindLiveJoin(absl::Span<const SourceOffset> committed,
                                      const connectors::OffsetRanges& log,
                                      ReachInRuleSet reach_in) {
  LiveJoin join;
  for (const SourceOffset& offset : committed) {
    const auto bounds = log.find(offset.partition);
    if (bounds == log.end()) continue;
    const auto& [begin, end] = bounds->second;
    const auto note = state::DecodeCommitNote(offset.note);
    if (offset.offset >= 0 && !note.ok()) {
      return CanNotTell(offset.partition, std::string(note.status().message()));
    }
    std::optional<int64_t> from;
    if (offset.offset >= 0) {
      auto found = JoinOf(offset.partition, *note, begin, reach_in);
      if (!found.ok()) return found.status();
      from = *found;
    }
    const bool is_idle = offset.offset >= end || begin == end;
    if (from) {
      join.from[offset.partition] = *from;
    } else if (is_idle) {
      join.from[offset.partition] = end;
      join.idle.push_back(offset.partition);
    } else {
      join.waiting.push_back(offset.partition);
    }
  }
  return join;
}

}  // namespace turnout::runtime

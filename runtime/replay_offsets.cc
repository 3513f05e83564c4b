#include "runtime/replay_offsets.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "state/commit_note.h"

namespace turnout::runtime {

using connectors::SourceOffset;

absl::StatusOr<JobProgress> ReadJobProgress(const std::string& job, const router::RuleSet& rules,
                                            absl::Span<const SourceOffset> committed) {
  JobProgress progress;
  for (const SourceOffset& offset : committed) {
    if (offset.offset < 0) continue;
    const auto note = state::DecodeCommitNote(offset.note);
    if (!note.ok() || !note->replay || note->rule_sets.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the group of job ", job,
                       " has committed offsets that are no replay's (name another "
                       "--job, or delete that group)"));
    }
    const std::string& begun_with = note->rule_sets.back().hash;
    if (begun_with != rules.hash()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "job ", job,
          " was begun with another rule, with this one as it was then, or with another "
          "--to-topic: its rule set was ",
          begun_with, " and is ", rules.hash(), " now (name another --job)"));
    }
    progress.ranges[offset.partition] = {note->replay->from, note->replay->to};
    progress.left += std::max<int64_t>(0, note->replay->to - offset.offset);
  }
  return progress;
}

absl::Status CheckAskedRange(const std::string& job, const RangeBound& from, const RangeBound& to,
                             const JobProgress& progress) {
  if (progress.ranges.empty() || MayMean(from, to, progress.ranges)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("job ", job, progress.left == 0 ? " is done with" : " has begun with",
                   " another range, ", FormatRanges(progress.ranges), " (name another --job)"));
}

std::vector<SourceOffset> FirstReplayOffsets(const router::RuleSet& rules,
                                             const connectors::OffsetRanges& ranges) {
  std::vector<SourceOffset> offsets;
  for (const auto& [partition, range] : ranges) {
    state::CommitNote note;
    note.replay = state::ReplayRange{range.begin, range.end};
    note.Use(rules.hash(), range.begin);
    offsets.push_back({partition, range.begin, state::EncodeCommitNote(note)});
  }
  return offsets;
}

std::vector<SourceOffset> LastReplayOffsets(const connectors::OffsetRanges& ranges,
                                            absl::Span<const SourceOffset> committed) {
  std::vector<SourceOffset> offsets;
  for (const SourceOffset& offset : committed) {
    const auto range = ranges.find(offset.partition);
    if (range == ranges.end() || offset.offset >= range->second.end) continue;
    offsets.push_back({offset.partition, range->second.end, offset.note});
  }
  return offsets;
}

}  // namespace turnout::runtime

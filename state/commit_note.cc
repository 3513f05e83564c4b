#include "state/commit_note.h"

#include <algorithm>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace turnout::state {
namespace {

constexpr absl::string_view kFormat = "turnout/1";
constexpr absl::string_view kRules = "rules=";
constexpr absl::string_view kReplay = "replay=";
constexpr absl::string_view kState = "state=";
constexpr absl::string_view kTimelines = "timelines=";
constexpr absl::string_view kCheckpoint = "checkpoint=";
constexpr absl::string_view kRestored = "restored=";
constexpr absl::string_view kTrying = "trying=";
constexpr absl::string_view kGivenUp = "given_up=";
constexpr absl::string_view kParked = "parked=";
constexpr absl::string_view kUnnamedTimeline = "-";
// Of the 115 or so that there is room for: beyond these a checkpoint forgets as much as it can.
constexpr size_t kRuleSetsMany = 48;

absl::Status Damaged(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "the note beside the committed offset %s; the offset itself is still good", what));
}

bool ReadOffset(absl::string_view text, int64_t* offset) {
  return absl::SimpleAtoi(text, offset) && *offset >= 0;
}

bool ReadReplay(absl::string_view text, ReplayRange* range) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('-', 1));
  return ReadOffset(parts.first, &range->from) && ReadOffset(parts.second, &range->to);
}

bool ReadCheckpoint(absl::string_view text, NotedCheckpoint* checkpoint) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('@', 1));
  if (!ReadOffset(parts.first, &checkpoint->sequence)) return false;
  return parts.first.size() == text.size() || ReadOffset(parts.second, &checkpoint->applied_offset);
}

bool ReadTry(absl::string_view text, NotedTry* trying) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('x', 1));
  return ReadOffset(parts.first, &trying->events) && ReadOffset(parts.second, &trying->times);
}

bool ReadOffsets(absl::string_view list, std::vector<int64_t>* offsets) {
  for (const absl::string_view text : absl::StrSplit(list, ',')) {
    if (!ReadOffset(text, &offsets->emplace_back())) return false;
  }
  return true;
}

// `<name>@<offset>[,...]`, or nothing.
bool ReadSince(absl::string_view list,
               absl::FunctionRef<void(absl::string_view name, int64_t offset)> add) {
  if (list.empty()) return true;
  for (const absl::string_view entry : absl::StrSplit(list, ',')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(entry, '@');
    int64_t offset = 0;
    if (parts.first.empty() || !ReadOffset(parts.second, &offset)) return false;
    add(parts.first, offset);
  }
  return true;
}

absl::Status ReadWord(absl::string_view word, CommitNote* note) {
  if (absl::ConsumePrefix(&word, kReplay)) {
    if (!ReadReplay(word, &note->replay.emplace())) return Damaged("names no range of a replay");
  } else if (absl::ConsumePrefix(&word, kState)) {
    if (!ReadOffset(word, &note->state_start.emplace())) {
      return Damaged("names the state without a number");
    }
  } else if (absl::ConsumePrefix(&word, kCheckpoint)) {
    if (!ReadCheckpoint(word, &note->checkpoint.emplace())) {
      return Damaged("names a checkpoint without a number");
    }
  } else if (absl::ConsumePrefix(&word, kRestored)) {
    note->restored = absl::StrSplit(word, ',', absl::SkipEmpty());
  } else if (absl::ConsumePrefix(&word, kTrying)) {
    if (!ReadTry(word, &note->trying.emplace())) return Damaged("names a try without numbers");
  } else if (absl::ConsumePrefix(&word, kGivenUp)) {
    if (!ReadOffsets(word, &note->given_up)) return Damaged("names an event without an offset");
  } else if (absl::ConsumePrefix(&word, kParked)) {
    absl::StatusOr<ParkingLedger> parked = ParkingLedger::Decode({word.data(), word.size()});
    if (!parked.ok()) return Damaged("names what is parked without its numbers");
    note->parked = *std::move(parked);
  } else if (absl::ConsumePrefix(&word, kTimelines)) {
    const bool is_read = ReadSince(word, [&](absl::string_view name, int64_t offset) {
      if (name == kUnnamedTimeline) name = "";
      note->timelines.push_back({.id = std::string(name), .offset = offset});
    });
    if (!is_read) return Damaged("names a timeline without an offset");
  } else if (absl::ConsumePrefix(&word, kRules)) {
    const bool is_read = ReadSince(word, [&](absl::string_view name, int64_t offset) {
      note->rule_sets.push_back({.hash = std::string(name), .offset = offset});
    });
    if (!is_read) return Damaged("names a rule set without an offset");
  }
  return absl::OkStatus();
}

}  // namespace

void CommitNote::Use(std::string_view hash, int64_t from_offset) {
  if (!rule_sets.empty() && rule_sets.back().hash == hash) return;
  rule_sets.push_back({.hash = std::string(hash), .offset = from_offset});
  MakeItFit();
}

std::optional<RuleSetSpan> CommitNote::InForce(std::string_view hash) const {
  for (size_t i = rule_sets.size(); i-- > 0;) {
    if (rule_sets[i].hash != hash) continue;
    RuleSetSpan span = {.from = rule_sets[i].offset};
    if (i + 1 < rule_sets.size()) span.to = rule_sets[i + 1].offset;
    return span;
  }
  return std::nullopt;
}

void CommitNote::MakeItFit() {
  if (!state_start && rule_sets.size() > kRuleSetsStatelessMax) {
    rule_sets.erase(rule_sets.begin(), rule_sets.end() - kRuleSetsStatelessMax);
  }
  while (rule_sets.size() > 1 && EncodeCommitNote(*this).size() > kCommitNoteBytesMax) {
    rule_sets.erase(rule_sets.begin());
  }
}

void CommitNote::GoOnIn(const TimelineSince& timeline) {
  if (!timelines.empty() && timelines.back().id == timeline.id) return;
  timelines.push_back(timeline);
  MakeItFit();
}

void CommitNote::GiveUp(int64_t offset) {
  given_up.push_back(offset);
  if (given_up.size() > kGivenUpMax) given_up.erase(given_up.begin());
  MakeItFit();
}

bool CommitNote::HasGivenUp(int64_t offset) const {
  return std::find(given_up.begin(), given_up.end(), offset) != given_up.end();
}

void CommitNote::Fulfil(std::string_view wish) {
  if (HasFulfilled(wish)) return;
  restored.emplace_back(wish);
  if (restored.size() > kRestoredMax) restored.erase(restored.begin());
  MakeItFit();
}

bool CommitNote::HasFulfilled(std::string_view wish) const {
  return std::find(restored.begin(), restored.end(), wish) != restored.end();
}

void CommitNote::GoBackTo(const RestoreBase& base, std::string_view drawn, std::string_view rules) {
  state_start = base.start_offset;
  checkpoint.reset();
  if (base.checkpoint > 0) {
    checkpoint = {.sequence = base.checkpoint, .applied_offset = base.applied_offset};
  }
  // An empty state has no history.
  while (!timelines.empty() && (base.checkpoint == 0 || timelines.back().id != base.timeline)) {
    timelines.pop_back();
  }
  if (base.checkpoint > 0 && timelines.empty()) {
    timelines.push_back({.id = base.timeline, .offset = base.start_offset});
  }
  // A recovered state is of its owner's timeline while it replays up to where that began, and can
  // be the base there. What earlier ones made of the same events is left behind too.
  for (TimelineSince& one : timelines) one.offset = std::min(one.offset, base.applied_offset);
  while (timelines.size() >= kTimelinesMax) timelines.erase(timelines.begin());
  timelines.push_back({.id = std::string(drawn), .offset = base.applied_offset});
  if (!rules.empty()) {
    std::erase_if(rule_sets,
                  [&base](const RuleSetSince& one) { return one.offset >= base.applied_offset; });
    Use(rules, base.applied_offset);
  }
  MakeItFit();
}

bool CommitNote::WentThrough(std::string_view timeline, int64_t applied_offset) const {
  if (timelines.empty()) return true;
  for (size_t i = 0; i < timelines.size(); ++i) {
    if (timelines[i].id != timeline) continue;
    return i + 1 == timelines.size() || applied_offset <= timelines[i + 1].offset;
  }
  return false;
}

void CommitNote::Checkpointed(int64_t sequence, int64_t applied_offset) {
  const int64_t before = checkpoint ? checkpoint->applied_offset : -1;
  const int64_t horizon = rule_sets.size() > kRuleSetsMany ? applied_offset : before;
  while (rule_sets.size() > kRuleSetsKept && rule_sets[1].offset <= horizon) {
    rule_sets.erase(rule_sets.begin());
  }
  while (timelines.size() > kTimelinesKept && timelines[1].offset < horizon) {
    timelines.erase(timelines.begin());
  }
  checkpoint = {.sequence = sequence, .applied_offset = applied_offset};
}

std::string EncodeCommitNote(const CommitNote& note) {
  std::string text(kFormat);
  if (note.replay) {
    absl::StrAppendFormat(&text, " %s%d-%d", kReplay, note.replay->from, note.replay->to);
  }
  if (note.state_start) absl::StrAppendFormat(&text, " %s%d", kState, *note.state_start);
  std::string before = absl::StrFormat(" %s", kTimelines);
  for (const TimelineSince& one : note.timelines) {
    absl::StrAppendFormat(&text, "%s%s@%d", std::exchange(before, ","),
                          one.id.empty() ? kUnnamedTimeline : absl::string_view(one.id),
                          one.offset);
  }
  if (note.checkpoint) {
    absl::StrAppendFormat(&text, " %s%d", kCheckpoint, note.checkpoint->sequence);
    if (note.checkpoint->applied_offset >= 0) {
      absl::StrAppendFormat(&text, "@%d", note.checkpoint->applied_offset);
    }
  }
  if (!note.restored.empty()) {
    absl::StrAppend(&text, " ", kRestored, absl::StrJoin(note.restored, ","));
  }
  if (note.trying) {
    absl::StrAppendFormat(&text, " %s%dx%d", kTrying, note.trying->events, note.trying->times);
  }
  if (!note.given_up.empty()) {
    absl::StrAppend(&text, " ", kGivenUp, absl::StrJoin(note.given_up, ","));
  }
  if (const std::string parked = note.parked.Encode(); !parked.empty()) {
    absl::StrAppend(&text, " ", kParked, parked);
  }
  absl::StrAppendFormat(&text, " %s", kRules);
  before = "";
  for (const RuleSetSince& one : note.rule_sets) {
    absl::StrAppendFormat(&text, "%s%s@%d", std::exchange(before, ","), one.hash, one.offset);
  }
  return text;
}

absl::StatusOr<CommitNote> DecodeCommitNote(std::string_view text) {
  if (text.size() > kCommitNoteBytesMax) return Damaged("is longer than a broker allows");
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::string_view(text.data(), text.size()), ' ');
  if (words.front() != kFormat) return Damaged("is not one of Turnout's");
  CommitNote note;
  for (size_t i = 1; i < words.size(); ++i) {
    if (absl::Status read = ReadWord(words[i], &note); !read.ok()) return read;
  }
  return note;
}

}  // namespace turnout::state

#include "state/commit_note.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace turnout::state {
namespace {

constexpr absl::string_view kFormat = "turnout/1";
constexpr absl::string_view kRules = "rules=";
constexpr absl::string_view kState = "state=";
constexpr absl::string_view kCheckpoint = "checkpoint=";

absl::Status Damaged(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "the note beside the committed offset %s; the offset itself is still good", what));
}

// Answers whether the word is `name`'s; what it says is damaged if it is no number from 0.
bool TakeNumber(absl::string_view word, absl::string_view name, std::optional<int64_t>* number,
                bool* damaged) {
  if (word.substr(0, name.size()) != name) return false;
  int64_t value = 0;
  *damaged |= !absl::SimpleAtoi(word.substr(name.size()), &value) || value < 0;
  *number = value;
  return true;
}

}  // namespace

void CommitNote::Use(std::string_view hash, int64_t from_offset) {
  if (!rule_sets.empty() && rule_sets.back().hash == hash) return;
  rule_sets.push_back({.hash = std::string(hash), .offset = from_offset});
  while (rule_sets.size() > 1 && EncodeCommitNote(*this).size() > kCommitNoteBytesMax) {
    rule_sets.erase(rule_sets.begin());
  }
}

void CommitNote::Checkpointed(int64_t sequence, int64_t applied_offset) {
  checkpoint = sequence;
  while (rule_sets.size() > 1 && rule_sets[1].offset <= applied_offset) {
    rule_sets.erase(rule_sets.begin());
  }
}

std::string EncodeCommitNote(const CommitNote& note) {
  std::string text(kFormat);
  if (note.state_start) absl::StrAppendFormat(&text, " %s%d", kState, *note.state_start);
  if (note.checkpoint) absl::StrAppendFormat(&text, " %s%d", kCheckpoint, *note.checkpoint);
  absl::StrAppendFormat(&text, " %s", kRules);
  for (size_t i = 0; i < note.rule_sets.size(); ++i) {
    absl::StrAppendFormat(&text, "%s%s@%d", i == 0 ? "" : ",", note.rule_sets[i].hash,
                          note.rule_sets[i].offset);
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
    absl::string_view list = words[i];
    bool damaged = false;
    if (TakeNumber(list, kState, &note.state_start, &damaged) ||
        TakeNumber(list, kCheckpoint, &note.checkpoint, &damaged)) {
      if (damaged) return Damaged("names the state without a number");
      continue;
    }
    if (list.substr(0, kRules.size()) != kRules) continue;
    list.remove_prefix(kRules.size());
    if (list.empty()) continue;
    for (absl::string_view entry : absl::StrSplit(list, ',')) {
      const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(entry, '@');
      RuleSetSince since{.hash = std::string(parts.first)};
      if (since.hash.empty() || !absl::SimpleAtoi(parts.second, &since.offset) ||
          since.offset < 0) {
        return Damaged("names a rule set without an offset");
      }
      note.rule_sets.push_back(std::move(since));
    }
  }
  return note;
}

}  // namespace turnout::state

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

absl::Status Damaged(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "the note beside the committed offset %s; the offset itself is still good", what));
}

}  // namespace

void CommitNote::Use(std::string_view hash, int64_t from_offset) {
  if (!rule_sets.empty() && rule_sets.back().hash == hash) return;
  rule_sets.push_back({.hash = std::string(hash), .offset = from_offset});
  while (rule_sets.size() > 1 && EncodeCommitNote(*this).size() > kCommitNoteBytesMax) {
    rule_sets.erase(rule_sets.begin());
  }
}

std::string EncodeCommitNote(const CommitNote& note) {
  std::string text = "turnout/1 rules=";
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

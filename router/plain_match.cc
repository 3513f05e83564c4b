#include "router/plain_match.h"

#include <algorithm>

#include "router/predicate.h"

namespace turnout::router {

absl::StatusOr<bool> PlainMatch::Matches(const PlainPattern& pattern, GatheredEvent* event,
                                         size_t event_bytes) {
  const PatternContent& content = *pattern.content;
  if (answers_.size() < content.tests.size()) answers_.resize(content.tests.size());
  for (size_t i = 0; i < content.tests.size(); ++i) answers_[i].known = false;
  for (const std::vector<uint32_t>& branch : content.branches) {
    switch (BranchHolds(pattern, branch, event, event_bytes)) {
      case ArrayConsistency::Answer::kYes:
        return true;
      case ArrayConsistency::Answer::kNo:
        break;
      case ArrayConsistency::Answer::kGaveUp:
        return absl::ResourceExhaustedError(
            "the event repeats keys with arrays below them in more combinations than are tried");
    }
  }
  return false;
}

const PlainMatch::TestAnswer& PlainMatch::AnswerOf(const PlainPattern& pattern, uint32_t test,
                                                   GatheredEvent* event, size_t event_bytes) {
  TestAnswer& answer = answers_[test];
  if (answer.known) return answer;
  answer.known = true;
  answer.matches.clear();
  const std::vector<Predicate>& predicates = pattern.content->tests[test].predicates;
  for (const uint32_t index : event->found[pattern.fields[test]]) {
    const Leaf& leaf = event->Decoded(index, event_bytes);
    const Value value(leaf.kind, leaf.text);
    const bool matches =
        std::any_of(predicates.begin(), predicates.end(),
                    [&](const Predicate& predicate) { return Satisfies(value, predicate); });
    if (matches) answer.matches.push_back(index);
  }
  return answer;
}

ArrayConsistency::Answer PlainMatch::BranchHolds(const PlainPattern& pattern,
                                                 const std::vector<uint32_t>& branch,
                                                 GatheredEvent* event, size_t event_bytes) {
  fields_.clear();
  for (const uint32_t test : branch) {
    const std::vector<uint32_t>& matches = AnswerOf(pattern, test, event, event_bytes).matches;
    const bool accepts_absence = pattern.content->tests[test].accepts_absence;
    if (matches.empty() && !accepts_absence) return ArrayConsistency::Answer::kNo;
    fields_.push_back({matches, event->found[pattern.fields[test]], accepts_absence});
  }
  return consistency_.Solve(*event, fields_);
}

}  // namespace turnout::router

#include "router/pattern_fault.h"

#include <algorithm>
#include <cstdint>

#include "router/predicate.h"
#include "router/predicate_text.h"

namespace turnout::router {
namespace {

using Answer = ArrayConsistency::Answer;

bool IsWanted(const Value& value, const FieldTest& test) {
  return std::any_of(test.predicates.begin(), test.predicates.end(),
                     [&](const Predicate& predicate) { return Satisfies(value, predicate); });
}

bool LooksInto(const PatternContent& pattern, EventPart part) {
  switch (part) {
    case EventPart::kNone:
      return false;
    case EventPart::kData:
      return pattern.reads_data;
    case EventPart::kPayload:
      return pattern.reads_payload;
  }
  return false;
}

// Cut at the beginning of a character.
SeenValue Shown(const Value& value) {
  const std::string_view text = value.text();
  size_t end = std::min(text.size(), kSeenBytesMax);
  while (end < text.size() && end > 0 && (text[end] & 0xC0) == 0x80) --end;
  return {value.kind(), std::string(text.substr(0, end)), text.size() - end};
}

void ShowValues(const std::vector<LeafIndex>& leaves, EventFields* fields, PatternFault* fault) {
  fault->values = leaves.size();
  for (size_t i = 0; i < std::min(leaves.size(), kSeenValuesMax); ++i) {
    fault->seen.push_back(Shown(fields->ValueOf(leaves[i])));
  }
}

}  // namespace

void PatternJudge::JudgeTests(const PatternContent& pattern, EventFields* fields) {
  judged_.clear();
  for (const FieldTest& test : pattern.tests) {
    Judged& field = judged_.emplace_back();
    const absl::Span<const LeafIndex> leaves = fields->Leaves(test.field);
    field.found.assign(leaves.begin(), leaves.end());
    for (const LeafIndex leaf : field.found) {
      if (IsWanted(fields->ValueOf(leaf), test)) field.matches.push_back(leaf);
    }
    const bool is_absent = field.found.empty() && test.accepts_absence;
    field.fails = field.matches.empty() && !is_absent;
  }
}

size_t PatternJudge::CountFailed(const Branch& branch) const {
  return static_cast<size_t>(std::count_if(branch.begin(), branch.end(),
                                           [this](uint32_t test) { return judged_[test].fails; }));
}

ArrayConsistency::Answer PatternJudge::Solve(const PatternContent& pattern, const Branch& branch,
                                             size_t count, const GatheredEvent& event) {
  std::vector<ArrayConsistency::Field> asked;
  for (size_t i = 0; i < count; ++i) {
    asked.push_back({.matches = judged_[branch[i]].matches,
                     .found = judged_[branch[i]].found,
                     .accepts_absence = pattern.tests[branch[i]].accepts_absence});
  }
  return consistency_.Solve(event, asked);
}

std::optional<PatternFault> PatternJudge::FaultOf(const PatternContent& pattern,
                                                  EventFields* fields) {
  if (LooksInto(pattern, fields->reading().missing)) return PatternFault{};
  JudgeTests(pattern, fields);
  const Branch* closest = nullptr;
  size_t fewest = SIZE_MAX;
  for (const Branch& branch : pattern.branches) {
    if (Solve(pattern, branch, branch.size(), fields->event()) == Answer::kYes) return std::nullopt;
    const size_t failed = CountFailed(branch);
    if (failed >= fewest) continue;
    fewest = failed;
    closest = &branch;
  }
  PatternFault fault = FaultOfBranch(pattern, *closest, fields);
  fault.fields_failed = fewest;
  fault.branches = pattern.branches.size();
  return fault;
}

PatternFault PatternJudge::FaultOfBranch(const PatternContent& pattern, const Branch& branch,
                                         EventFields* fields) {
  PatternFault fault;
  fault.fields = branch.size();
  if (CountFailed(branch) == 0) {
    DescribeElements(pattern, branch, fields, &fault);
    return fault;
  }
  uint32_t first = UINT32_MAX;  // in the order of the rule, which is that of its tests
  for (const uint32_t test : branch) {
    if (judged_[test].fails) first = std::min(first, test);
  }
  const Judged& failed = judged_[first];
  fault.kind = failed.found.empty() ? PatternFault::Kind::kAbsent : PatternFault::Kind::kValue;
  fault.field = FieldText(pattern.tests[first].field);
  fault.wanted = TestText(pattern.tests[first], kWantedEntriesMax);
  fault.tests = {first};
  ShowValues(failed.found, fields, &fault);
  return fault;
}

// Each field has a value that would do, or may be absent: the first ones that don't go together.
void PatternJudge::DescribeElements(const PatternContent& pattern, const Branch& branch,
                                    EventFields* fields, PatternFault* fault) {
  size_t count = 1;
  while (count < branch.size() && Solve(pattern, branch, count, fields->event()) == Answer::kYes) {
    ++count;
  }
  const Answer answer = Solve(pattern, branch, count, fields->event());
  fault->kind =
      answer == Answer::kGaveUp ? PatternFault::Kind::kTooMany : PatternFault::Kind::kElements;
  fault->tests.assign(branch.begin(), branch.begin() + static_cast<ptrdiff_t>(count));
  const uint32_t last = fault->tests.back();
  fault->field = FieldText(pattern.tests[last].field);
  fault->wanted = TestText(pattern.tests[last], kWantedEntriesMax);
  const std::vector<Leaf>& leaves = fields->event().leaves;
  for (const uint32_t test : fault->tests) {
    const bool is_in_array = std::any_of(judged_[test].found.begin(), judged_[test].found.end(),
                                         [&](LeafIndex leaf) { return leaves[leaf].scope != 0; });
    if (test == last || !is_in_array) continue;
    fault->together_with.push_back(FieldText(pattern.tests[test].field));
  }
  const Judged& judged = judged_[last];
  ShowValues(judged.matches.empty() ? judged.found : judged.matches, fields, fault);
}

}  // namespace turnout::router

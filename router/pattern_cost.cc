#include "router/pattern_cost.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "router/pattern_content.h"

namespace turnout::router {
namespace {

constexpr int64_t kLookUp = 1;
constexpr int64_t kIndexed = 2;
constexpr int64_t kCompared = 5;
constexpr int64_t kWildcard = 20;
constexpr int64_t kRegex = 100;

int64_t CostOf(const Predicate& predicate);

// Of a list of which each may have to be asked.
int64_t CostOfAll(const std::vector<Predicate>& predicates) {
  int64_t cost = 0;
  for (const Predicate& one : predicates) cost += CostOf(one);
  return cost;
}

int64_t CostOf(const Predicate& predicate) {
  switch (predicate.op) {
    case Predicate::Op::kNull:
    case Predicate::Op::kTrue:
    case Predicate::Op::kFalse:
    case Predicate::Op::kText:
    case Predicate::Op::kNumberText:
    case Predicate::Op::kAddress:
    case Predicate::Op::kExists:
    case Predicate::Op::kAbsent:
      return kLookUp;
    case Predicate::Op::kNumberRange:
    case Predicate::Op::kPrefix:
    case Predicate::Op::kSuffix:
    case Predicate::Op::kIgnoreCase:
    case Predicate::Op::kPrefixIgnoreCase:
    case Predicate::Op::kSuffixIgnoreCase:
    case Predicate::Op::kCidr:
      return kIndexed;
    case Predicate::Op::kWildcard:
    case Predicate::Op::kWildcardIgnoreCase:
      return kWildcard;
    case Predicate::Op::kRegex:
      return kRegex;
    case Predicate::Op::kTimestamp:
    case Predicate::Op::kLength:
      return kCompared;
    case Predicate::Op::kAnythingBut: {
      // Values are looked up together; others are asked one by one.
      int64_t cost = kCompared;
      for (const Predicate& one : predicate.detail().none_of) {
        const int64_t of_one = CostOf(one);
        if (of_one > kLookUp) cost += of_one;
      }
      return cost;
    }
    case Predicate::Op::kAllOf:
      return CostOfAll(predicate.detail().all_of);
  }
  return kCompared;
}

int64_t CostOf(const FieldTest& test) {
  int64_t cost = kLookUp;
  for (const Predicate& one : test.predicates) cost = std::max(cost, CostOf(one));
  return cost;
}

}  // namespace

int64_t CostOf(const PatternContent& pattern) {
  std::vector<int64_t> of_tests;
  of_tests.reserve(pattern.tests.size());
  for (const FieldTest& test : pattern.tests) of_tests.push_back(CostOf(test));
  int64_t cost = 0;
  for (const std::vector<uint32_t>& branch : pattern.branches) {
    for (const uint32_t test : branch) cost += of_tests[test];
  }
  return cost;
}

void CheckTeamCost(const RuleFile& team, int64_t cost_max, std::vector<Problem>* problems) {
  int64_t total = 0;
  for (const Rule& rule : team.rules) {
    if (rule.match == nullptr) continue;
    const int64_t cost = CostOf(*rule.match);
    total += cost;
    if (total <= cost_max) continue;
    problems->push_back(
        {rule.at, team.team + "/" + rule.name,
         absl::StrFormat(
             "with its pattern, which costs %d, the team's patterns up to here cost %d, "
             "more than team_pattern_cost_max, %d",
             cost, total, cost_max),
         "narrow the dearest ones (`regex` costs 100, a wildcard 20, `anything-but` 5, a value 1; "
         "each branch of an `$or` counts), or have limits.team_pattern_cost_max raised"});
    return;
  }
}

}  // namespace turnout::router

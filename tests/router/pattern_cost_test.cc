#include "router/pattern_cost.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::router {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

std::string TeamOf(const std::vector<std::string>& patterns) {
  std::string text = "team: t\nowner: o@example.com\ndestinations: [a]\nrules:\n";
  for (size_t i = 0; i < patterns.size(); ++i) {
    absl::StrAppend(&text, "  - {name: r", i, ", match: ", patterns[i], ", to: a}\n");
  }
  return text;
}

int64_t Cost(const std::string& pattern) {
  std::vector<Problem> problems;
  const auto team = ReadRuleFile("t.yaml", TeamOf({pattern}), {}, &problems);
  if (!team) {
    ADD_FAILURE() << pattern << ": " << problems.front().what;
    return -1;
  }
  return CostOf(*team->rules.front().match);
}

TEST(PatternCost, IsThatOfTheDearestOfEachField) {
  const struct {
    const char* pattern;
    int64_t cost;
  } cases[] = {
      {"{x: [1]}", 2},
      {"{x: [a]}", 1},
      {"{x: [a, b, c], y: [d]}", 2},
      {"{x: [{exists: true}]}", 1},
      {"{x: [{prefix: a}, b]}", 2},
      {"{x: [{anything-but: [a, b]}]}", 5},
      {"{x: [{anything-but: {wildcard: 'a*b'}}]}", 25},
      {"{x: [{wildcard: 'a*b*c'}]}", 20},
      {"{x: [{regex: 'a+'}]}", 100},
      {"{$or: [{x: [a]}, {y: [{wildcard: 'a*b'}]}], z: [b]}", 23},
  };
  for (const auto& [pattern, cost] : cases) EXPECT_EQ(Cost(pattern), cost) << pattern;
}

TEST(PatternCost, OfATeamIsRefusedAtTheRuleThatPassesIt) {
  const std::vector<std::string> patterns = {"{x: [a]}", "{x: [{wildcard: 'a*b'}]}",
                                             "{x: [{regex: a}]}"};
  std::vector<Problem> problems;
  const RuleLimits enough = {.team_pattern_cost_max = 121};
  EXPECT_TRUE(ReadRuleFile("t.yaml", TeamOf(patterns), enough, &problems).has_value());
  const RuleLimits less = {.team_pattern_cost_max = 20};
  EXPECT_FALSE(ReadRuleFile("t.yaml", TeamOf(patterns), less, &problems).has_value());
  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_EQ(problems[0].at.line, 6);
  EXPECT_EQ(problems[0].subject, "t/r1");
  EXPECT_EQ(problems[0].what,
            "with its pattern, which costs 20, the team's patterns up to here cost 21, more than "
            "team_pattern_cost_max, 20");
  EXPECT_THAT(problems[0].cure, HasSubstr("limits.team_pattern_cost_max"));
}

}  // namespace
}  // namespace turnout::router

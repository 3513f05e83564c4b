#include "router/pattern.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/router/case_file.h"

namespace turnout::router {
namespace {

using ::testing::HasSubstr;

std::vector<Problem> ProblemsOf(const std::string& text,
                                const PatternLimits& limits = PatternLimits()) {
  std::vector<Problem> problems;
  const std::optional<Node> node = ParseJson(text, &problems);
  if (node) CompilePattern(*node, limits, &problems);
  return problems;
}

TEST(Pattern, MistakesAreNamedWithTheirPlaceAndCure) {
  std::vector<Node> tests = ReadCases("pattern_problems.jsonl");
  for (Node& test : ReadCases("pattern_problems_extensions.jsonl")) tests.push_back(test);
  for (const Node& test : tests) {
    const std::string pattern = TextOf(test, "pattern");
    SCOPED_TRACE(pattern);
    PatternLimits limits;
    if (TextOf(test, "dialect") == "EventBridge") limits.dialect = PatternDialect::kEventBridge;
    const std::vector<Problem> problems = ProblemsOf(pattern, limits);
    const Node* const expected = test.Find("problems");
    ASSERT_NE(expected, nullptr);
    ASSERT_EQ(problems.size(), expected->items.size());
    for (size_t i = 0; i < problems.size(); ++i) {
      const Problem& problem = problems[i];
      const std::string text = std::to_string(problem.at.line) + ":" +
                               std::to_string(problem.at.column) + ": " + problem.what + " (" +
                               problem.cure + ")";
      EXPECT_EQ(text, expected->items[i].text);
    }
  }
}

TEST(Pattern, EveryLimitIsNamedWhenItIsPassed) {
  PatternLimits limits;
  limits.fields_max = 2;
  limits.branches_max = 3;
  limits.values_max = 4;
  limits.wildcards_max = 2;
  limits.pattern_bytes_max = 10;
  limits.regexes_max = 1;
  limits.ignore_case_bytes_max = 5;
  const struct {
    const char* within;
    const char* beyond;
    const char* name;
  } cases[] = {
      {R"({"a":[1],"b":[1]})", R"({"a":[1],"b":[1],"c":[1]})", "fields_max"},
      {R"({"$or":[{"a":[1]},{"b":[1]},{"c":[1]}]})",
       R"({"$or":[{"a":[1]},{"b":[1]}],"x":{"$or":[{"c":[1]},{"d":[1]}]}})", "branches_max"},
      {R"({"a":[{"all-of":[1,2]}]})", R"({"a":[{"all-of":[1,2]}],"b":[1]})", "fields_max"},
      {R"({"a":[1,{"all-of":[2]},{"all-of":[3]}]})",
       R"({"$or":[{"a":[1]},{"b":[1]}],"c":[1,{"all-of":[2]}]})", "branches_max"},
      {R"({"a":[{"prefix":"a","length":["<",2]}]})",
       R"({"a":[{"prefix":"a","suffix":"b","length":["<",2]},1]})", "values_max"},
      {R"({"a":[{"wildcard":{"equals-ignore-case":"*a*"}}]})",
       R"({"a":[{"prefix":"x","wildcard":{"equals-ignore-case":"*a*b*"}}]})", "wildcards_max"},
      {R"({"a":[{"wildcard":{"equals-ignore-case":"*abc*"}}]})",
       R"({"a":[{"wildcard":{"equals-ignore-case":"*abcd*"}}]})", "ignore_case_bytes_max"},
      {R"({"a":[{"regex":"x"}]})", R"({"a":[{"regex":"x"},{"anything-but":{"regex":"y"}}]})",
       "regexes_max"},
      {R"({"a":[1,2,3,4]})", R"({"a":[1,2,{"anything-but":[3,4]}]})", "values_max"},
      {R"({"a":[{"wildcard":"*a*"}]})", R"({"a":[{"wildcard":"*a*"},{"wildcard":"*"}]})",
       "wildcards_max"},
      {R"({"a":["0123456789"]})", R"({"a":["012345","6789x"]})", "pattern_bytes_max"},
  };
  for (const auto& test : cases) {
    EXPECT_TRUE(ProblemsOf(test.within, limits).empty()) << test.within;
    const std::vector<Problem> problems = ProblemsOf(test.beyond, limits);
    ASSERT_FALSE(problems.empty()) << test.beyond;
    EXPECT_THAT(problems[0].what, HasSubstr(test.name));
  }
}

TEST(Pattern, MultipliedAlternativesStopAtTheirLimit) {
  std::string pattern = "{\"x\":[1]";
  for (int i = 0; i < 40; ++i) {
    const std::string n = std::to_string(i);
    pattern += ",\"f" + n + "\":{\"$or\":[{\"a\":[1]},{\"b\":[1]},{\"c\":[1]}]}";
  }
  const std::vector<Problem> problems = ProblemsOf(pattern + "}");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].what, HasSubstr("more than 1024 combinations (branches_max)"));
}

}  // namespace
}  // namespace turnout::router

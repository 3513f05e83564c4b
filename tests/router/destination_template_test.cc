#include "router/destination_template.h"

#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::router {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

DestinationTemplate Parsed(std::string_view text) {
  absl::StatusOr<DestinationTemplate> result = ParseDestinationTemplate(text);
  EXPECT_TRUE(result.ok()) << text << ": " << result.status();
  return result.ok() ? *result : DestinationTemplate{};
}

TEST(DestinationTemplate, AlternatesLiteralsAndFields) {
  const DestinationTemplate middle = Parsed("a-{x.y}-b");
  EXPECT_THAT(middle.literals, ElementsAre("a-", "-b"));
  EXPECT_THAT(middle.fields, ElementsAre("x.y"));
  EXPECT_FALSE(middle.is_constant());
  const DestinationTemplate bare = Parsed("{x}{y}");
  EXPECT_THAT(bare.literals, ElementsAre("", "", ""));
  EXPECT_THAT(bare.fields, ElementsAre("x", "y"));
  const DestinationTemplate constant = Parsed("fraud.review");
  EXPECT_THAT(constant.literals, ElementsAre("fraud.review"));
  EXPECT_TRUE(constant.is_constant());
}

TEST(DestinationTemplate, TakesNamesOfAnyLegalLength) {
  EXPECT_TRUE(ParseDestinationTemplate(std::string(249, 'a')).ok());
  EXPECT_FALSE(ParseDestinationTemplate(std::string(250, 'a')).ok());
  EXPECT_TRUE(ParseDestinationTemplate(std::string(248, 'a') + "{x}").ok());
  EXPECT_FALSE(ParseDestinationTemplate(std::string(249, 'a') + "{x}").ok());
}

TEST(DestinationTemplate, SaysWhatIsWrongWithATemplate) {
  struct Case {
    std::string_view text;
    std::string_view what;
  };
  constexpr Case kCases[] = {
      {"", "is empty"},
      {".", "`.` or `..`"},
      {"..", "`.` or `..`"},
      {"a b", "character"},
      {"a/b", "character"},
      {"caf\xc3\xa9", "character"},
      {"a{x", "`{` without"},
      {"a}x", "`}` without"},
      {"a{x{y}}", "a brace in it"},
      {"a{}", "whose path is empty"},
      {"a{.x}", "between its dots"},
      {"a{x..y}", "between its dots"},
      {"a{x.}", "between its dots"},
      {"a{$kafka.topic}", "`$kafka`"},
      {"a{$kafka}", "`$kafka`"},
      {"a:{x}", "character"},
  };
  for (const Case& c : kCases) {
    const absl::StatusOr<DestinationTemplate> result = ParseDestinationTemplate(c.text);
    ASSERT_FALSE(result.ok()) << c.text;
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(std::string(c.what))) << c.text;
  }
}

TEST(DestinationTemplate, GlobsMatchWholeNames) {
  struct Case {
    std::string_view glob;
    std::string_view name;
    bool matches;
  };
  constexpr Case kCases[] = {
      {"fraud.*", "fraud.review", true}, {"fraud.*", "fraud.", true},
      {"fraud.*", "fraud", false},       {"fraud.*", "xfraud.a", false},
      {"*", "", true},                   {"*", "anything", true},
      {"a*b*c", "abc", true},            {"a*b*c", "axxbyybzzc", true},
      {"a*b*c", "axxbyyd", false},       {"a*bc", "abcbc", true},
      {"**a", "ba", true},               {"exact", "exact", true},
      {"exact", "exactly", false},       {"", "", true},
      {"", "a", false},                  {"a*a", "a", false},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(GlobMatches(c.glob, c.name), c.matches) << c.glob << " against " << c.name;
  }
}

TEST(DestinationTemplate, GlobsRefuseTemplatesThatCanNeverFit) {
  struct Case {
    std::string_view glob;
    std::string_view destination;
    bool can;
    bool always;
  };
  constexpr Case kCases[] = {
      {"fraud.*", "fraud.{region}", true, true},
      {"fraud.*", "fraud.eu.{region}", true, true},
      {"fraud.*", "growth.{region}", false, false},
      {"fraud.*", "{region}", true, false},
      {"fraud.*", "fr{rest}", true, false},
      {"fraud.*.eu", "fraud.{x}", true, false},
      {"fraud.*.eu", "fraud.{x}.eu", true, false},
      {"fraud.*.eu", "fraud.{x}.us", false, false},
      {"fraud.review", "fraud.{x}", true, false},
      {"fraud", "fraud.{x}", false, false},
      {"aa", "aa{x}aa", false, false},
      {"*", "{x}", true, true},
      {"fraud.*", "fraud.review", true, true},
      {"fraud.*", "growth.review", false, false},
  };
  for (const Case& c : kCases) {
    const DestinationTemplate destination = Parsed(c.destination);
    EXPECT_EQ(GlobCanMatch(c.glob, destination), c.can) << c.glob << " " << c.destination;
    EXPECT_EQ(GlobAlwaysMatches(c.glob, destination), c.always) << c.glob << " " << c.destination;
  }
}

}  // namespace
}  // namespace turnout::router

#include "runtime/config_values.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/config_checks.h"

namespace turnout::runtime {
namespace {

TEST(ConfigValues, DurationsAreWholeNumbersWithAUnit) {
  const std::vector<std::pair<std::string, std::optional<int64_t>>> cases = {
      {"0ms", 0},
      {"1ms", 1},
      {"500ms", 500},
      {"10s", 10'000},
      {"5m", 300'000},
      {"2h", 7'200'000},
      {"7d", 604'800'000},
      {"007s", 7'000},
      {"106751991167d", 9'223'372'036'828'800'000},
      {"106751991168d", std::nullopt},
      {"99999999999999999999s", std::nullopt},
      {"", std::nullopt},
      {"10", std::nullopt},
      {"s", std::nullopt},
      {"1.5s", std::nullopt},
      {"-1s", std::nullopt},
      {"+1s", std::nullopt},
      {" 1s", std::nullopt},
      {"1 s", std::nullopt},
      {"1s ", std::nullopt},
      {"1S", std::nullopt},
      {"1us", std::nullopt},
      {"1h30m", std::nullopt},
      {"1w", std::nullopt},
      {"inf", std::nullopt}};
  for (const auto& [text, number] : cases) EXPECT_EQ(ParseDurationMs(text), number) << text;
}

TEST(ConfigValues, SizesAreBytesOrAWholeNumberWithAUnit) {
  const std::vector<std::pair<std::string, std::optional<int64_t>>> cases = {
      {"0", 0},
      {"1", 1},
      {"17B", 17},
      {"64KiB", 65'536},
      {"16MiB", 16'777'216},
      {"1GiB", 1'073'741'824},
      {"64KB", 64'000},
      {"1MB", 1'000'000},
      {"2GB", 2'000'000'000},
      {"8589934591GiB", 9'223'372'035'781'033'984},
      {"8589934592GiB", std::nullopt},
      {"", std::nullopt},
      {"MiB", std::nullopt},
      {"1 MiB", std::nullopt},
      {"1mib", std::nullopt},
      {"1M", std::nullopt},
      {"1.5MiB", std::nullopt},
      {"-1", std::nullopt},
      {"1e6", std::nullopt},
      {"0x10", std::nullopt}};
  for (const auto& [text, number] : cases) EXPECT_EQ(ParseBytes(text), number) << text;
}

TEST(ConfigValues, WholeNumbersAreDigitsWithAnOptionalMinus) {
  EXPECT_EQ(ParseWholeNumber("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(ParseWholeNumber("12"), 12);
  for (const char* text : {"", "-", "+1", "1 ", "1.0", "0x1", "9223372036854775808", "1_000"}) {
    EXPECT_EQ(ParseWholeNumber(text), std::nullopt) << text;
  }
}

TEST(ConfigValues, FormattedNumbersReadAsTheSame) {
  for (int64_t number : {0, 1, 999, 1'000, 1'001, 59'000, 60'000, 90'000, 3'600'000, 86'400'000,
                         172'800'000, 1'023, 1'024, 1'025, 1'048'576, 1'000'000}) {
    EXPECT_EQ(ParseDurationMs(FormatDurationMs(number)), number);
    EXPECT_EQ(ParseBytes(FormatBytes(number)), number);
  }
  EXPECT_EQ(FormatDurationMs(90'000), "90s");
  EXPECT_EQ(FormatDurationMs(1'001), "1001ms");
  EXPECT_EQ(FormatBytes(1'048'576), "1MiB");
  EXPECT_EQ(FormatBytes(3'000'000), "3MB");
  EXPECT_EQ(FormatBytes(1'025), "1025");
}

TEST(ConfigChecks, TakeWhatKafkaTakesAndNameWhatIsWrong) {
  struct Case {
    std::string (*check)(std::string_view);
    std::string text;
    bool right;
  };
  const std::vector<Case> cases = {
      {CheckBrokers, "a", true},
      {CheckBrokers, "a:9092", true},
      {CheckBrokers, "a:9092,b.c-d:1", true},
      {CheckBrokers, "[::1]:9092,[fe80::1%eth0]", true},
      {CheckBrokers, "SASL_SSL://a:9092", true},
      {CheckBrokers, "", false},
      {CheckBrokers, "a:9092,", false},
      {CheckBrokers, ",a", false},
      {CheckBrokers, "a:", false},
      {CheckBrokers, "a:0", false},
      {CheckBrokers, "a:65536", false},
      {CheckBrokers, "a:x", false},
      {CheckBrokers, ":9092", false},
      {CheckBrokers, "a b:1", false},
      {CheckBrokers, "a, b", false},
      {CheckBrokers, "::1:9092", false},
      {CheckBrokers, "[::1", false},
      {CheckBrokers, "[::1]9092", false},
      {CheckTopic, "A-z_0.9", true},
      {CheckTopic, std::string(249, 'a'), true},
      {CheckTopic, std::string(250, 'a'), false},
      {CheckTopic, "", false},
      {CheckTopic, ".", false},
      {CheckTopic, "..", false},
      {CheckTopic, "...", true},
      {CheckTopic, "a b", false},
      {CheckTopic, "\xc3\xa4", false},
      {CheckGroup, "any text, \xc3\xa4", true},
      {CheckGroup, "", false},
      {CheckGroup, "a\nb", false},
      {CheckGroup, std::string(256, 'a'), false},
      {CheckInstance, "pod-0.x_Y", true},
      {CheckInstance, "a/b", false},
      {CheckInstance, std::string(129, 'a'), false},
      {CheckListen, "127.0.0.1:0", true},
      {CheckListen, "[::]:9464", true},
      {CheckListen, "a", false},
      {CheckListen, ":1", false},
      {CheckListen, "a:65536", false},
      {CheckListen, "a:-1", false},
      {CheckListen, "::1:80", false},
      {CheckPath, "a b/c", true},
      {CheckPath, "", false},
      {CheckPath, "a\tb", false},
  };
  for (const Case& c : cases) EXPECT_EQ(c.check(c.text).empty(), c.right) << c.text;
}

TEST(ConfigValues, PathsAreResolvedUnlessAbsolute) {
  EXPECT_EQ(ResolvedPath("a", "/etc"), "/etc/a");
  EXPECT_EQ(ResolvedPath("a", "/"), "/a");
  EXPECT_EQ(ResolvedPath("a", "conf"), "conf/a");
  EXPECT_EQ(ResolvedPath("a", ""), "a");
  EXPECT_EQ(ResolvedPath("/a", "/etc"), "/a");
}

}  // namespace
}  // namespace turnout::runtime

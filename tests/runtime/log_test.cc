#include "runtime/log.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/json_text.h"
#include "runtime/log_limiter.h"
#include "runtime/log_line.h"

namespace turnout::runtime {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;

absl::Time At(double seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

// What `write` logs, a string a line.
template <typename Function>
std::vector<std::string> LinesOf(const Function& write) {
  testing::internal::CaptureStderr();
  write();
  const std::string text = testing::internal::GetCapturedStderr();
  std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  return lines;
}

TEST(JsonText, EscapesWhatJsonAsksForAndReplacesWhatIsNotUtf8) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", R"("")"},
      {"plain", R"("plain")"},
      {"a\"b\\c/d", R"("a\"b\\c/d")"},
      {"\n\r\t", R"("\n\r\t")"},
      {std::string("\0\x01\x1f\x7f", 4), R"("\u0000\u0001\u001f\u007f")"},
      {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\x86",
       "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\x86\""},
      {"\xff", "\"\xef\xbf\xbd\""},
      {"a\xc3", "\"a\xef\xbf\xbd\""},
      {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                  // overlong
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},  // a surrogate
      {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xe2\x82z", "\"\xef\xbf\xbd\xef\xbf\xbdz\""},
  };
  for (const auto& [text, json] : cases) EXPECT_EQ(JsonString(text), json);
}

TEST(LogLine, JsonHasTimeLevelEventMessageThenFieldsInOrder) {
  const LogLine line{.time = absl::FromUnixMillis(1'700'000'000'007),
                     .level = LogLevel::kWarning,
                     .event = "destination_missing",
                     .sentence = "It is \"gone\"",
                     .fields = {{"topic", "a\nb", true}, {"tries", "3", false}}};
  EXPECT_EQ(JsonLogLine(line),
            R"({"time":"2023-11-14T22:13:20.007Z","level":"warning","event":"destination_missing",)"
            R"("message":"It is \"gone\"","topic":"a\nb","tries":3})");
}

TEST(LogLine, TextStaysOnOneLineAndHoldsNoEscapeSequences) {
  const LogLine line{.time = absl::FromUnixMillis(0),
                     .level = LogLevel::kError,
                     .event = "e",
                     .sentence = "one\ntwo \x1b[31m \"quoted\" back\\slash",
                     .fields = {{"a", "x y", true}, {"b", "", true}, {"c", "1", false}}};
  EXPECT_EQ(TextLogLine(line, false),
            "1970-01-01T00:00:00.000Z error   e: one\\ntwo \\u001b[31m \"quoted\" back\\slash "
            "a=\"x y\" b=\"\" c=1");
  EXPECT_THAT(TextLogLine(line, true), HasSubstr("\x1b[31merror  \x1b[0m"));
}

TEST(LogLine, SecretsAreReplacedWhereverTheyAppear) {
  LogLine line{.sentence = "hunter2 and hunter22 and hunter2",
               .fields = {{"a", "x=hunter2", true}, {"b", "12345", false}}};
  HideSecrets({"hunter22", "hunter2", "12345"}, &line);
  EXPECT_EQ(line.sentence, "[secret] and [secret] and [secret]");
  EXPECT_EQ(line.fields[0].text, "x=[secret]");
  EXPECT_EQ(line.fields[1].text, "[secret]");
  EXPECT_TRUE(line.fields[1].quoted);
}

TEST(LogLine, ASecretThatIsPartOfTheReplacementEndsTheReplacing) {
  LogLine line{.sentence = "secret"};
  HideSecrets({"secret"}, &line);
  EXPECT_EQ(line.sentence, "[secret]");
}

TEST(LogLimiter, LetsThroughTheLimitOfEachKindASecondAndCountsTheRest) {
  LogLimiter limiter(2);
  EXPECT_TRUE(limiter.Admit("a", LogLevel::kInfo, At(10)));
  EXPECT_TRUE(limiter.Admit("a", LogLevel::kInfo, At(10.5)));
  EXPECT_FALSE(limiter.pending());
  EXPECT_FALSE(limiter.Admit("a", LogLevel::kError, At(10.9)));
  EXPECT_FALSE(limiter.Admit("a", LogLevel::kInfo, At(10.999)));
  EXPECT_TRUE(limiter.Admit("b", LogLevel::kInfo, At(10.9)));
  EXPECT_TRUE(limiter.pending());
  EXPECT_THAT(limiter.Over(At(10.9995)), IsEmpty());
  EXPECT_TRUE(limiter.pending());
  const auto dropped = limiter.Over(At(11));
  ASSERT_THAT(dropped, SizeIs(1));
  EXPECT_EQ(dropped[0].event, "a");
  EXPECT_EQ(dropped[0].lines, 2);
  EXPECT_EQ(dropped[0].level, LogLevel::kError);
  EXPECT_FALSE(limiter.pending());
  EXPECT_THAT(limiter.Over(At(20)), IsEmpty());
  EXPECT_TRUE(limiter.Admit("a", LogLevel::kInfo, At(11)));
}

TEST(LogLimiter, ANewSecondBeginsWithTheFirstLineAfterTheLastOne) {
  LogLimiter limiter(1);
  EXPECT_TRUE(limiter.Admit("a", LogLevel::kInfo, At(10)));
  EXPECT_TRUE(limiter.Admit("a", LogLevel::kInfo, At(11)));
  EXPECT_FALSE(limiter.Admit("a", LogLevel::kInfo, At(11.5)));
}

TEST(LogLimiter, AClockThatIsSetBackSilencesNothing) {
  LogLimiter limiter(1);
  EXPECT_TRUE(limiter.Admit("a", LogLevel::kInfo, At(1000)));
  EXPECT_TRUE(limiter.Admit("a", LogLevel::kInfo, At(10)));
}

TEST(LogLimiter, KindsBeyondTheLimitShareOneCount) {
  LogLimiter limiter(1);
  for (size_t i = 0; i < LogLimiter::kKindsMax; ++i) {
    EXPECT_TRUE(limiter.Admit("kind" + std::to_string(i), LogLevel::kInfo, At(1)));
  }
  EXPECT_TRUE(limiter.Admit("one", LogLevel::kInfo, At(1)));
  EXPECT_FALSE(limiter.Admit("another", LogLevel::kInfo, At(1)));
  EXPECT_FALSE(limiter.Admit("kind0", LogLevel::kInfo, At(1)));
}

TEST(Log, WritesJsonLinesWithFieldsOfEveryType) {
  const auto lines = LinesOf([] {
    StartLog({.json = true});
    LogInfo("typed", "All types",
            {{"text", "a\"b"},
             {"string", std::string("s")},
             {"view", std::string_view("v")},
             {"absl", absl::string_view("w")},
             {"int", -7},
             {"big", uint64_t{18446744073709551615u}},
             {"double", 0.25},
             {"nan", std::nan("")},
             {"yes", true}});
  });
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0],
              MatchesRegex(".\"time\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{3}Z\",.*"));
  EXPECT_THAT(lines[0],
              EndsWith(R"("level":"info","event":"typed","message":"All types","text":"a\"b",)"
                       R"("string":"s","view":"v","absl":"w","int":-7,"big":18446744073709551615,)"
                       R"("double":0.25,"nan":"nan","yes":true})"));
}

TEST(Log, ShowsNothingBelowItsLevel) {
  const auto lines = LinesOf([] {
    StartLog({.level = "warning"});
    LogDebug("a", "no");
    LogInfo("b", "no");
    LogWarning("c", "yes");
    LogError("d", "yes");
    StartLog({.level = "debug"});
    LogDebug("e", "yes");
  });
  EXPECT_THAT(lines, ElementsAre(HasSubstr("\"c\""), HasSubstr("\"d\""), HasSubstr("\"e\"")));
}

TEST(Log, SaysHowManyLinesWereNotShown) {
  const auto lines = LinesOf([] {
    StartLog({.lines_per_second_max = 10});
    for (int i = 0; i < 100; ++i) LogInfo("flood", "again");
    LogInfo("trickle", "once");
    StartLog({});
  });
  ASSERT_THAT(lines, SizeIs(12));
  EXPECT_THAT(lines[10], HasSubstr("trickle"));
  EXPECT_THAT(lines[11], AllOf(HasSubstr("\"event\":\"lines_not_shown\""),
                               HasSubstr("90 more lines of flood were not shown"),
                               HasSubstr("\"of\":\"flood\",\"lines\":90")));
}

TEST(Log, HidesRegisteredSecretsInBothFormats) {
  HideInLog("tops3cret\"value");
  HideInLog("abc");  // too short to be told from ordinary words
  for (const bool json : {true, false}) {
    const auto lines = LinesOf([json] {
      StartLog({.json = json});
      LogInfo("e", "password tops3cret\"value abc", {{"field", "xtops3cret\"valuex"}});
    });
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_THAT(lines[0], AllOf(HasSubstr("password [secret] abc"), HasSubstr("x[secret]x"),
                                Not(HasSubstr("tops3cret"))));
  }
}

TEST(Log, AnyTextCanBeHadWithoutTheSecrets) {
  HideInLog("tops3cret");
  HideInLog("tops3cret-longer");
  EXPECT_EQ(WithoutSecrets("a tops3cret-longer, tops3cret"), "a [secret], [secret]");
  EXPECT_EQ(WithoutSecrets(""), "");
}

TEST(Log, LinesOfManyThreadsComeOutWhole) {
  const auto lines = LinesOf([] {
    StartLog({.lines_per_second_max = 100000});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 250; ++i) LogInfo("thread", "line", {{"n", i}});
      });
    }
    for (std::thread& thread : threads) thread.join();
    StartLog({});
  });
  ASSERT_THAT(lines, SizeIs(1000));
  for (const std::string& line : lines) {
    EXPECT_THAT(line, MatchesRegex(".\"time\":.*\"message\":\"line\",\"n\":[0-9]+."));
  }
}

}  // namespace
}  // namespace turnout::runtime

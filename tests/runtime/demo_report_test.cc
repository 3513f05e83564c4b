#include "runtime/demo_report.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kDeadLetters[] = "events.dead-letter";

connectors::ReadRecord Output(const std::string& topic, const std::string& rules,
                              const std::string& value = R"({"type":"order.created"})") {
  return {.topic = topic,
          .value = value,
          .headers = {{"turnout-rules", rules}, {"turnout-source", "events/3/17"}}};
}

std::vector<std::string> Lines(const DemoReport& report, const DemoStyle& style = {}) {
  const DemoFigures figures = {.events = 2'000,
                               .backlog_events = 1'000,
                               .backlog_time = absl::Milliseconds(250),
                               .paced_per_second = 300,
                               .rules = 19};
  const DemoPlaces places = {.bootstrap_servers = "127.0.0.1:9",
                             .admin_address = "127.0.0.1:8",
                             .source_topic = "events",
                             .stays = true};
  return absl::StrSplit(report.Text(figures, places, style), '\n');
}

std::string LineWith(const std::vector<std::string>& lines, const std::string& part) {
  for (const std::string& line : lines) {
    if (line.find(part) != std::string::npos) return line;
  }
  return absl::StrCat("(no line has ", part, ")");
}

TEST(DemoReport, CountsEachDestinationAndNamesItsTeams) {
  DemoReport report(kDeadLetters);
  for (int i = 0; i < 1'234; ++i) report.Add(Output("shared.topic", "growth/a"));
  report.Add(Output("shared.topic", "fraud/b"));
  report.Add(Output("fraud.review", "fraud/b"));
  const std::string row = LineWith(Lines(report), "shared.topic");
  EXPECT_THAT(row, HasSubstr("1,235"));
  EXPECT_THAT(row, HasSubstr("fraud,growth"));
  EXPECT_THAT(LineWith(Lines(report), "fraud.review"), testing::EndsWith("  b"));
  EXPECT_THAT(LineWith(Lines(report), "events/3/17"), HasSubstr(R"(events/3/17  {"type":)"));
}

TEST(DemoReport, PrefersASampleThatSeveralRulesSent) {
  DemoReport report(kDeadLetters);
  report.Add(Output("t", "fraud/a", "first"));
  report.Add(Output("t", "fraud/a,fraud/b", "second"));
  report.Add(Output("t", "fraud/a", "third"));
  EXPECT_THAT(LineWith(Lines(report), "second"), HasSubstr("second"));
  EXPECT_THAT(LineWith(Lines(report), "a, b"), HasSubstr("t "));
}

TEST(DemoReport, ShowsADeadLettersReason) {
  DemoReport report(kDeadLetters);
  report.Add({.topic = kDeadLetters,
              .value = "",
              .headers = {{"turnout-error", "unreadable_event"},
                          {"turnout-reason", "the payload is empty"},
                          {"turnout-source", "events/0/5"}}});
  const std::vector<std::string> lines = Lines(report);
  EXPECT_THAT(LineWith(lines, kDeadLetters), testing::EndsWith("the payload is empty"));
  EXPECT_THAT(LineWith(lines, "(empty)"), HasSubstr("events/0/5  (empty)"));
  EXPECT_THAT(LineWith(lines, "records out"), HasSubstr("0 records out to 0 destinations, 1 dead"));
}

TEST(DemoReport, KeepsTheTableWithinTheTerminal) {
  DemoReport report(kDeadLetters);
  report.Add(
      Output("a.topic", absl::StrCat("team/", std::string(200, 'r')), std::string(500, 'x')));
  for (const int width : {60, 80, 200}) {
    const std::vector<std::string> lines = Lines(report, {.width = width});
    EXPECT_LE(LineWith(lines, "a.topic").size(), static_cast<size_t>(width));
    EXPECT_EQ(LineWith(lines, "xxx").size(), static_cast<size_t>(width));
  }
}

TEST(DemoReport, ShowsNoControlCharactersOfARecord) {
  DemoReport report(kDeadLetters);
  report.Add(Output("t", "a/b", "\033[31mred\n\xff"));
  EXPECT_THAT(LineWith(Lines(report), "red"), HasSubstr("?[31mred??"));
}

TEST(DemoReport, ColoursOnlyWhenAsked) {
  DemoReport report(kDeadLetters);
  report.Add(Output("t", "a/b"));
  EXPECT_THAT(LineWith(Lines(report), "order.created"), Not(HasSubstr("\033")));
  EXPECT_THAT(LineWith(Lines(report, {.colours = true}), "order.created"), HasSubstr("\033"));
}

TEST(DemoReport, TellsRateAndLatencyQuantiles) {
  DemoReport report(kDeadLetters);
  for (int ms = 100; ms >= 1; --ms) report.AddLatency(absl::Milliseconds(ms));
  const std::vector<std::string> lines = Lines(report);
  EXPECT_THAT(LineWith(lines, "events a second:"), HasSubstr("4,000 events a second"));
  EXPECT_THAT(LineWith(lines, "latency"), HasSubstr("p50 50 ms, p99 99 ms"));
}

TEST(DemoReport, SaysNoLatencyWhenNothingWasMeasured) {
  EXPECT_THAT(LineWith(Lines(DemoReport(kDeadLetters)), "latency"), HasSubstr("(no line"));
}

TEST(WithCommas, GroupsByThousands) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1'000), "1,000");
  EXPECT_EQ(WithCommas(1'234'567), "1,234,567");
}

}  // namespace
}  // namespace turnout::runtime

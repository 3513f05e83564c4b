#include "runtime/replay_command.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ReplayCommand, ReadsARate) {
  EXPECT_EQ(ParseEventsPerSecond("500/s"), 500);
  EXPECT_EQ(ParseEventsPerSecond("1"), 1);
  for (const char* text : {"", "/s", "0/s", "-5/s", "fast", "5/m", "5 /s"}) {
    EXPECT_EQ(ParseEventsPerSecond(text), std::nullopt) << text;
  }
}

TEST(ReplayCommand, SumsUpWhatARunDid) {
  const ReplayOptions options = {.rule = "fraud/all"};
  ReplaySummary summary = {
      .job = "week",
      .ranges = {{0, {5, 40}}, {1, {0, 10}}},
      .is_done = true,
      .counts = {.events = 44, .matched = 7, .outputs = 6, .dead_letters = 1, .unreadable = 3},
      .took = absl::Milliseconds(1234)};
  EXPECT_EQ(FormatReplaySummary(options, summary),
            "job week is done: fraud/all, 45 offsets of 2 partitions\n"
            "this run read 44 events in 1.2s: 7 matches, 6 records sent, 1 dead letter, "
            "3 events unreadable\n");
  summary.is_done = false;
  EXPECT_THAT(FormatReplaySummary(options, summary),
              AllOf(HasSubstr("job week was stopped"), HasSubstr("again goes on from there")));
  summary.is_done = summary.was_done_before = true;
  EXPECT_THAT(FormatReplaySummary(options, summary),
              AllOf(HasSubstr("job week is done already"), Not(HasSubstr("this run")),
                    HasSubstr("45 offsets of 2 partitions, from 0:5,1:0 to 0:40,1:10 (")));
  summary = {.job = "week", .ranges = {{0, {5, 5}}}, .is_done = true, .was_empty = true};
  EXPECT_EQ(FormatReplaySummary(options, summary),
            "there is nothing in that range: fraud/all, 0 offsets of 1 partition "
            "(job week has not begun)\n");
  summary = {.job = "week", .ranges = {{0, {5, 40}}}};
  EXPECT_EQ(FormatReplaySummary({.rule = "fraud/all", .dry_run = true}, summary),
            "would read 35 offsets of 1 partition: fraud/all, from 0:5 to 0:40\n");
}

}  // namespace
}  // namespace turnout::runtime

#include "runtime/replay_offsets.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/commit_note.h"
#include "tests/support/rules_of.h"

namespace turnout::runtime {
namespace {

using connectors::SourceOffset;
using ::testing::HasSubstr;

constexpr char kRules[] =
    "team: shop\ndestinations: [shop.*]\nrules: [{name: paid, match: {type: [paid]}, to: "
    "shop.paid}]\n";
constexpr char kOtherRules[] =
    "team: shop\ndestinations: [shop.*]\nrules: [{name: paid, match: {type: [paid]}, to: "
    "shop.trial}]\n";

class ReplayOffsets : public ::testing::Test {
 protected:
  const std::shared_ptr<const router::RuleSet> rules = support::RuleSetOf({kRules});
};

TEST_F(ReplayOffsets, BeginWithTheRangesBeginningAndNameItsEnd) {
  const auto first = FirstReplayOffsets(*rules, {{0, {5, 40}}, {2, {7, 7}}});
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].offset, 5);
  EXPECT_EQ(first[0].note, "turnout/1 replay=5-40 rules=" + rules->hash() + "@5");
  const auto progress = ReadJobProgress("job", *rules, first);
  ASSERT_TRUE(progress.ok()) << progress.status();
  EXPECT_EQ(progress->ranges.size(), 2u);
  EXPECT_EQ(progress->ranges.at(0).end, 40);
  EXPECT_EQ(progress->left, 35);
}

TEST_F(ReplayOffsets, SayHowMuchIsLeft) {
  std::vector<SourceOffset> committed = FirstReplayOffsets(*rules, {{0, {5, 40}}, {1, {0, 9}}});
  committed[0].offset = 38;
  committed[1].offset = 9;
  committed.push_back({2, -1, ""});  // a partition that the job is not of
  const auto progress = ReadJobProgress("job", *rules, committed);
  ASSERT_TRUE(progress.ok()) << progress.status();
  EXPECT_EQ(progress->left, 2);
  const auto last = LastReplayOffsets(progress->ranges, committed);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].partition, 0);
  EXPECT_EQ(last[0].offset, 40);
  EXPECT_EQ(last[0].note, committed[0].note);
}

TEST_F(ReplayOffsets, OfAnotherRangeThanIsAskedForAreRefusedByName) {
  const absl::Time now = absl::UnixEpoch();
  const RangeBound to = *ParseRangeBound("0:40", now);
  const JobProgress progress = {.ranges = {{0, {5, 40}}}, .left = 0};
  EXPECT_TRUE(CheckAskedRange("week", *ParseRangeBound("0:5", now), to, progress).ok());
  EXPECT_TRUE(CheckAskedRange("week", *ParseRangeBound("0:2", now), to, {}).ok());
  const absl::Status refused = CheckAskedRange("week", *ParseRangeBound("0:2", now), to, progress);
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_EQ(refused.message(),
            "job week is done with another range, from 0:5 to 0:40 (name another --job)");
}

TEST_F(ReplayOffsets, OfNobodyMeanThatItHasNotBegun) {
  const std::vector<SourceOffset> none = {{0, -1, ""}, {1, -1, ""}};
  const auto progress = ReadJobProgress("job", *rules, none);
  ASSERT_TRUE(progress.ok()) << progress.status();
  EXPECT_TRUE(progress->ranges.empty());
}

TEST_F(ReplayOffsets, OfAnotherRuleOrOfNoReplayAreRefused) {
  const auto first = FirstReplayOffsets(*support::RuleSetOf({kOtherRules}), {{0, {5, 40}}});
  const auto other = ReadJobProgress("job", *rules, first);
  EXPECT_TRUE(absl::IsInvalidArgument(other.status()));
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("begun with another rule"));
  for (const char* note : {"", "turnout/1 rules=0123456789abcdef@5"}) {
    const std::vector<SourceOffset> live = {{0, 12, note}};
    const auto refused = ReadJobProgress("job", *rules, live);
    EXPECT_TRUE(absl::IsInvalidArgument(refused.status())) << note;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("no replay's")) << note;
  }
}

}  // namespace
}  // namespace turnout::runtime

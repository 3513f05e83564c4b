#include "runtime/topic_range.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using connectors::OffsetRanges;
using ::testing::HasSubstr;
using Kind = RangeBound::Kind;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

RangeBound Said(std::string_view text) {
  const auto bound = ParseRangeBound(text, kNow);
  EXPECT_TRUE(bound.ok()) << bound.status();
  return bound.value_or(RangeBound{});
}

// Three partitions: whole, cut off at its beginning, empty.
TopicFacts Facts() {
  TopicFacts facts;
  facts.log = {{0, {0, 100}}, {1, {40, 90}}, {2, {7, 7}}};
  return facts;
}

void ExpectRanges(const absl::StatusOr<OffsetRanges>& found, const OffsetRanges& wanted) {
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), wanted.size());
  for (const auto& [partition, range] : wanted) {
    EXPECT_EQ(found->at(partition).begin, range.begin) << partition;
    EXPECT_EQ(found->at(partition).end, range.end) << partition;
  }
}

std::string RefusalOf(std::string_view from, std::string_view to, const TopicFacts& facts) {
  const auto found = ResolveRange(Said(from), Said(to), facts);
  EXPECT_TRUE(absl::IsInvalidArgument(found.status())) << from << " " << to;
  return std::string(found.status().message());
}

TEST(TopicRange, ReadsEveryWayToSayABound) {
  EXPECT_EQ(Said("earliest").kind, Kind::kEarliest);
  EXPECT_EQ(Said("now").kind, Kind::kNow);
  EXPECT_EQ(Said("live").kind, Kind::kLive);
  EXPECT_EQ(Said("1742").kind, Kind::kOffset);
  EXPECT_EQ(Said("1742").offset, 1742);
  EXPECT_EQ(Said("7d").kind, Kind::kTime);
  EXPECT_EQ(Said("7d").time, kNow - absl::Hours(7 * 24));
  EXPECT_EQ(Said("2026-11-20T08:00:00Z").time, absl::FromUnixSeconds(1'795'161'600));
  EXPECT_EQ(Said("2026-11-20T09:00:00+01:00").time, absl::FromUnixSeconds(1'795'161'600));
  EXPECT_EQ(Said("0:1742,3:88").offsets, (std::map<int32_t, int64_t>{{0, 1742}, {3, 88}}));
}

TEST(TopicRange, RefusesWhatIsNoBound) {
  for (const char* text : {"", "yesterday", "-1", "0:-1", "0:1,0:2", "1:", "2026-11-20",
                           "7"
                           " d",
                           "0:1,"}) {
    const auto bound = ParseRangeBound(text, kNow);
    EXPECT_TRUE(absl::IsInvalidArgument(bound.status())) << text;
    EXPECT_THAT(std::string(bound.status().message()), HasSubstr("neither a time")) << text;
  }
}

TEST(TopicRange, EarliestToNowIsAllThatThereIs) {
  ExpectRanges(ResolveRange(Said("earliest"), Said("now"), Facts()),
               {{0, {0, 100}}, {1, {40, 90}}, {2, {7, 7}}});
}

TEST(TopicRange, ATimeIsWhereItsFirstRecordIs) {
  TopicFacts facts = Facts();
  facts.at_from = {{0, 10}, {1, 41}, {2, 7}};
  facts.at_to = {{0, 60}, {1, 41}, {2, 7}};
  ExpectRanges(ResolveRange(Said("7d"), Said("1d"), facts),
               {{0, {10, 60}}, {1, {41, 41}}, {2, {7, 7}}});
}

TEST(TopicRange, ARangeThatEndsBeforeItBeginsIsRefused) {
  EXPECT_THAT(RefusalOf("0:5", "0:2", Facts()),
              HasSubstr("ends before it begins: partition 0, from offset 5 to 2 (swap the two)"));
  EXPECT_THAT(RefusalOf("0:50,1:50", "42", Facts()),
              HasSubstr("partition 0, from offset 50 to 42"));
  EXPECT_THAT(RefusalOf("1d", "7d", Facts()), HasSubstr("ends before it begins: from 2027-"));
  EXPECT_THAT(RefusalOf("now", "7d", Facts()), HasSubstr("ends before it begins"));
  ExpectRanges(ResolveRange(Said("0:5"), Said("0:5"), Facts()), {{0, {5, 5}}});
}

TEST(TopicRange, WhereATimeLiesBehindAnOffsetThereIsNothing) {
  TopicFacts facts = Facts();
  facts.at_from = {{0, 60}, {1, 50}, {2, 7}};
  ExpectRanges(ResolveRange(Said("1d"), Said("0:70,1:45"), facts), {{0, {60, 70}}, {1, {50, 50}}});
}

TEST(TopicRange, ARecordThatHasComeSinceIsBehindTheEnd) {
  TopicFacts facts = Facts();
  facts.at_from = {{0, 101}, {1, 90}, {2, 7}};
  facts.at_to = {{0, 103}, {1, 90}, {2, 7}};
  ExpectRanges(ResolveRange(Said("2d"), Said("1d"), facts),
               {{0, {100, 100}}, {1, {90, 90}}, {2, {7, 7}}});
}

TEST(TopicRange, OffsetsTellWhetherTheyMeantARange) {
  const OffsetRanges ranges = {{0, {5, 40}}, {1, {0, 10}}};
  const struct {
    const char* from;
    const char* to;
    bool may;
  } cases[] = {
      {"7d", "now", true},
      {"earliest", "live", true},
      {"0:5,1:0", "0:40,1:10", true},
      {"0:5,1:0", "1d", true},
      {"0:5,1:0,2:7", "0:40,1:10", true},
      {"5", "1d", false},
      {"0:5,1:1", "now", false},
      {"0:5", "now", false},
      {"7d", "0:40,1:11", false},
      {"0:5,1:0,2:7", "now", false},
      {"7d", "40", false},
  };
  for (const auto& [from, to, may] : cases) {
    EXPECT_EQ(MayMean(Said(from), Said(to), ranges), may) << from << " " << to;
  }
  EXPECT_TRUE(MayMean(Said("earliest"), Said("2"), {{0, {5, 5}}}));
  EXPECT_EQ(FormatRanges(ranges), "from 0:5,1:0 to 0:40,1:10");
}

TEST(TopicRange, OffsetsOfSomePartitionsMeanNoOthers) {
  ExpectRanges(ResolveRange(Said("0:5,1:40"), Said("now"), Facts()),
               {{0, {5, 100}}, {1, {40, 90}}});
  ExpectRanges(ResolveRange(Said("earliest"), Said("1:60"), Facts()), {{1, {40, 60}}});
  EXPECT_THAT(RefusalOf("5:1", "now", Facts()), HasSubstr("no partition 5, it has 3"));
}

TEST(TopicRange, WhatTheSourceNoLongerHoldsIsRefused) {
  EXPECT_THAT(RefusalOf("39", "now", Facts()),
              HasSubstr("no longer holds offset 39: partition 1 begins at offset 40"));
  TopicFacts facts = Facts();
  facts.at_from = {{0, 0}, {1, 40}, {2, 7}};
  EXPECT_THAT(RefusalOf("7d", "now", facts),
              HasSubstr("no longer holds all since then: partition 1 begins at offset 40"));
}

TEST(TopicRange, AYoungRangeIsHeldWhereRecordsGoByTheirAgeAlone) {
  TopicFacts facts = Facts();
  facts.at_from = {{0, 0}, {1, 40}, {2, 7}};
  facts.removes_before = kNow - absl::Hours(3 * 24);
  ExpectRanges(ResolveRange(Said("2d"), Said("now"), facts),
               {{0, {0, 100}}, {1, {40, 90}}, {2, {7, 7}}});
  EXPECT_THAT(RefusalOf("4d", "now", facts), HasSubstr("no longer holds all since then"));
}

TEST(TopicRange, WhatIsNotThereYetIsRefused) {
  EXPECT_THAT(RefusalOf("0:101", "now", Facts()), HasSubstr("it ends at 100"));
  EXPECT_THAT(RefusalOf("0:1", "0:101", Facts()), HasSubstr("ends at offset 100, before 101"));
}

TEST(TopicRange, BoundsStandOnTheirOwnSide) {
  EXPECT_THAT(RefusalOf("live", "now", Facts()), HasSubstr("not where it begins"));
  EXPECT_THAT(RefusalOf("earliest", "earliest", Facts()), HasSubstr("not where it ends"));
}

TEST(TopicRange, LiveIsWhereLiveTrafficTakesOver) {
  TopicFacts facts = Facts();
  facts.live_from = {{0, 33}, {1, 20}, {2, 7}};
  ExpectRanges(ResolveRange(Said("earliest"), Said("live"), facts),
               {{0, {0, 33}}, {1, {40, 40}}, {2, {7, 7}}});
}

}  // namespace
}  // namespace turnout::runtime

#include "runtime/live_join.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/commit_note.h"

namespace turnout::runtime {
namespace {

using connectors::OffsetRanges;
using connectors::SourceOffset;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// `rules` as in a note: "none@0,has@7".
SourceOffset Committed(int32_t partition, int64_t offset, const std::string& rules) {
  return {partition, offset, "turnout/1 rules=" + rules};
}

// By how a set's name begins; others nobody knows.
std::optional<RuleReach> Reach(const std::string& hash) {
  if (hash.rfind("has", 0) == 0) return RuleReach::kAll;
  if (hash.rfind("share", 0) == 0) return RuleReach::kShare;
  if (hash.rfind("none", 0) == 0) return RuleReach::kNothing;
  return std::nullopt;
}

TEST(LiveJoin, IsWhereTheFirstRuleSetWithTheRuleTookEffect) {
  const std::vector<SourceOffset> committed = {
      Committed(0, 90, "none@0,has@7"), Committed(1, 90, "none-1@0,none-2@5,has-1@30,has-2@70"),
      Committed(2, 90, "has-1@3,none@20,has-2@40")};
  const OffsetRanges log = {{0, {0, 100}}, {1, {0, 100}}, {2, {0, 100}}};
  const auto join = FindLiveJoin(committed, log, &Reach);
  ASSERT_TRUE(join.ok()) << join.status();
  EXPECT_THAT(join->from, ElementsAre(Pair(0, 7), Pair(1, 30), Pair(2, 40)));
  EXPECT_THAT(join->idle, IsEmpty());
  EXPECT_THAT(join->waiting, IsEmpty());
}

TEST(LiveJoin, WaitsWhereTheRuleHasNotTakenEffectAndEventsAreOnTheirWay) {
  const std::vector<SourceOffset> committed = {
      Committed(0, 90, "none@0"), Committed(1, 90, "has@3,none@50"), {2, -1, ""}};
  const auto join = FindLiveJoin(committed, {{0, {0, 100}}, {1, {0, 100}}, {2, {0, 5}}}, &Reach);
  ASSERT_TRUE(join.ok()) << join.status();
  EXPECT_THAT(join->from, IsEmpty());
  EXPECT_THAT(join->waiting, ElementsAre(0, 1, 2));
}

TEST(LiveJoin, APartitionWithoutTrafficIsLiveFromItsEndOn) {
  const std::vector<SourceOffset> committed = {Committed(0, 100, "none@0"), {1, -1, ""}};
  const auto join = FindLiveJoin(committed, {{0, {0, 100}}, {1, {8, 8}}}, &Reach);
  ASSERT_TRUE(join.ok()) << join.status();
  EXPECT_THAT(join->from, ElementsAre(Pair(0, 100), Pair(1, 8)));
  EXPECT_THAT(join->idle, ElementsAre(0, 1));
}

TEST(LiveJoin, APartitionThatAlwaysHadTheRuleIsLiveFromItsBeginning) {
  const std::vector<SourceOffset> committed = {Committed(0, 90, "has@40")};
  const auto join = FindLiveJoin(committed, {{0, {40, 100}}}, &Reach);
  ASSERT_TRUE(join.ok()) << join.status();
  EXPECT_THAT(join->from, ElementsAre(Pair(0, 40)));
}

TEST(LiveJoin, WhatCanNotBeToldIsRefused) {
  const std::vector<std::pair<SourceOffset, const char*>> cases = {
      {Committed(3, 90, "abc@0,has@50"), "nobody here knows the rule set abc"},
      {Committed(3, 90, "none@0,abc@50"), "nobody here knows the rule set abc"},
      {Committed(3, 90, "none@0,share@50"), "since offset 50 it has sent for a share of the keys"},
      {Committed(3, 90, "none@0,share@50,has@60"), "since offset 50 it has sent for a share"},
      {Committed(3, 90, "has@50"), "what was in force before is forgotten"},
      {{3, 90, "somebody else's"}, "not one of Turnout's"}};
  for (const auto& [committed, why] : cases) {
    const auto join = FindLiveJoin({&committed, 1}, {{3, {0, 100}}}, &Reach);
    EXPECT_TRUE(absl::IsInvalidArgument(join.status())) << committed.note;
    EXPECT_THAT(std::string(join.status().message()), HasSubstr(why));
    EXPECT_THAT(std::string(join.status().message()), HasSubstr("partition 3"));
  }
}

}  // namespace
}  // namespace turnout::runtime

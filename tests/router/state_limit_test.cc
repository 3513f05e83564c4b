// What a rule may keep in a partition, and what becomes of events beyond that.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/router.h"
#include "tests/support/memory_state.h"
#include "tests/support/random_steps.h"

namespace turnout::router {
namespace {

using support::MemoryState;
using testing::ElementsAre;

constexpr int64_t kStart = 1'700'000'000'000;

std::shared_ptr<const RuleSet> RulesOf(const std::vector<std::string>& steps, int64_t bytes_max,
                                       int64_t team_bytes_max = kNoStateLimit) {
  std::string text;
  for (size_t i = 0; i < steps.size(); ++i) {
    absl::StrAppend(&text, R"({"team": "t", "name": "r)", i, R"(", "match": {"v": [1]}, )",
                    R"("to": "t.r)", i, R"(", "steps": [)", steps[i], "]}\n");
  }
  return support::StepCaseOf(text, {.partitioned_by = std::string(kOnePartition),
                                    .lateness_ms = 0,
                                    .rule_state_bytes_max = bytes_max,
                                    .team_state_bytes_max = team_bytes_max})
      .rule_set;
}

// A task that remembers, with rules that may change.
class StateLimit : public testing::Test {
 protected:
  void Use(const std::vector<std::string>& steps, int64_t bytes_max,
           int64_t team_bytes_max = kNoStateLimit) {
    rules_ = RulesOf(steps, bytes_max, team_bytes_max);
    router_ = std::make_unique<Router>(rules_);
    ASSERT_TRUE(task_->Retain(rules_->steps()).ok());
  }

  // What becomes of an event of the key, `at_ms` after the start.
  std::vector<std::string> Route(const std::string& key, int64_t at_ms) {
    const std::string json = absl::StrCat(R"({"k": ")", key, R"(", "v": 1})");
    return support::LinesOf(
        router_->Route({.value = json, .timestamp_ms = kStart + at_ms}, task_.get()), *rules_,
        json);
  }

  StateSize SizeOf(size_t rule) const {
    std::vector<StateSize> by_rule(rules_->rules().size());
    rules_->AddSizes(*task_, &by_rule);
    return by_rule[rule];
  }

  MemoryState state_{0};
  std::unique_ptr<TaskSteps> task_ = std::make_unique<TaskSteps>(&state_);
  std::shared_ptr<const RuleSet> rules_;
  std::unique_ptr<Router> router_;
};

constexpr char kDedup[] = R"({"dedup": {"key": "k", "for": "14s"}})";
constexpr char kCount[] = R"({"threshold": {"key": "k", "count": 3, "within": "14s"}})";

// An entry of a key of one byte takes 17 + 1 + 8.
TEST_F(StateLimit, ANewKeyBeyondItIsRejectedUntilOthersHaveExpired) {
  Use({kDedup}, 60);
  EXPECT_THAT(Route("a", 0), ElementsAre("out t/r0"));
  EXPECT_THAT(Route("b", 7'000), ElementsAre("out t/r0"));
  EXPECT_EQ(SizeOf(0), (StateSize{52, 2}));
  EXPECT_THAT(Route("c", 8'000), ElementsAre("full t/r0"));
  EXPECT_THAT(Route("a", 9'000), ElementsAre("stop t/r0 dedup"));
  EXPECT_THAT(Route("c", 13'999), ElementsAre("full t/r0"));
  // A slot, a second here, after the first has expired.
  EXPECT_THAT(Route("c", 15'000), ElementsAre("out t/r0"));
  EXPECT_THAT(Route("d", 15'001), ElementsAre("full t/r0"));
}

TEST_F(StateLimit, TheReasonNamesStepAndLimit) {
  Use({kDedup}, 20);
  const Routes& routes =
      router_->Route({.value = R"({"k": "a", "v": 1})", .timestamp_ms = kStart}, task_.get());
  ASSERT_EQ(routes.rejections.size(), 1U);
  EXPECT_TRUE(routes.rejections[0].is_full);
  EXPECT_EQ(routes.rejections[0].reason,
            "the step `dedup` has no room for this event: the rule keeps as much in this partition "
            "as `limits.rule_state_bytes_max` lets it, or its team as "
            "`limits.team_state_bytes_max` does");
}

TEST_F(StateLimit, AnEntryMayNotGrowBeyondItEither) {
  Use({kCount}, 17 + 1 + 16);
  EXPECT_THAT(Route("a", 0), ElementsAre("stop t/r0 threshold"));
  EXPECT_THAT(Route("a", 1), ElementsAre("stop t/r0 threshold"));
  EXPECT_THAT(Route("a", 2), ElementsAre("full t/r0"));
  // The first has left the window: there is room for this one.
  EXPECT_THAT(Route("a", 14'000), ElementsAre("stop t/r0 threshold"));
}

TEST_F(StateLimit, StepsOfARuleShareItAndRulesDoNot) {
  // The throttle's entry takes 34 bytes, a dedup's 26.
  constexpr char kThrottle[] = R"({"throttle": {"key": "k", "limit": 9, "per": "14s"}})";
  Use({absl::StrCat(kThrottle, ", ", kDedup), kDedup}, 59);
  EXPECT_THAT(Route("a", 0), ElementsAre("out t/r1", "full t/r0"));
  EXPECT_EQ(SizeOf(0), (StateSize{34, 1}));
  EXPECT_EQ(SizeOf(1), (StateSize{26, 1}));
  Use({absl::StrCat(kThrottle, ", ", kDedup), kDedup}, 60);
  EXPECT_THAT(Route("a", 1), ElementsAre("out t/r0", "stop t/r1 dedup"));
  EXPECT_EQ(SizeOf(0), (StateSize{60, 2}));
}

// Two rules of the team keep an entry each of a key.
TEST_F(StateLimit, ATeamsRulesShareWhatItMayKeep) {
  Use({kDedup, kDedup}, 60, 4 * 26);
  EXPECT_THAT(Route("a", 0), ElementsAre("out t/r0", "out t/r1"));
  EXPECT_THAT(Route("b", 0), ElementsAre("out t/r0", "out t/r1"));
  EXPECT_THAT(Route("c", 7'000), ElementsAre("full t/r0", "full t/r1")) << "the rules are at 52";
  Use({kDedup, kDedup}, 1'000, 5 * 26);
  EXPECT_THAT(Route("c", 8'000), ElementsAre("out t/r0", "full t/r1"));
  EXPECT_THAT(Route("a", 9'000), ElementsAre("stop t/r0 dedup", "stop t/r1 dedup"));
  // The first four have expired.
  EXPECT_THAT(Route("d", 15'001), ElementsAre("out t/r0", "out t/r1"));
  EXPECT_THAT(Route("e", 15'002), ElementsAre("out t/r0", "out t/r1"));
  EXPECT_THAT(Route("f", 15'003), ElementsAre("full t/r0", "full t/r1"));
}

TEST_F(StateLimit, ATeamsRoomIsThatOfTheBatchBeforeAfterARollback) {
  Use({kDedup}, 1'000, 2 * 26);
  Route("a", 0);
  ASSERT_TRUE(task_->Commit(1, "rules").ok());
  Route("b", 0);
  EXPECT_THAT(Route("c", 0), ElementsAre("full t/r0"));
  task_->Rollback();
  EXPECT_THAT(Route("c", 0), ElementsAre("out t/r0"));
}

TEST_F(StateLimit, WindowsThatCloseGiveTheirRoomBack) {
  Use({R"({"aggregate": {"key": "k", "window": "1s", "fields": {"n": "count"}}})"}, 40);
  EXPECT_THAT(Route("a", 0), ElementsAre());
  EXPECT_EQ(SizeOf(0), (StateSize{17 + 9 + 1 + 8, 1}));
  EXPECT_THAT(Route("b", 10), ElementsAre("full t/r0"));
  EXPECT_THAT(Route("a", 20), ElementsAre());
  const std::vector<std::string> closed = Route("b", 1'000);
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_THAT(closed[0], testing::HasSubstr(R"("n":2})"));
  EXPECT_EQ(SizeOf(0), (StateSize{35, 1}));
}

TEST_F(StateLimit, ALowerOneLetsKnownKeysGoOn) {
  Use({kDedup}, 60);
  Route("a", 0);
  Route("b", 0);
  Use({kDedup}, 30);
  EXPECT_THAT(Route("a", 1), ElementsAre("stop t/r0 dedup"));
  EXPECT_THAT(Route("c", 1), ElementsAre("full t/r0"));
}

TEST_F(StateLimit, WhatARemovedStepKeptCountsNoMore) {
  Use({kDedup}, 60);
  Route("a", 0);
  Route("b", 0);
  Use({kCount}, 60);
  EXPECT_EQ(SizeOf(0), StateSize{});
  EXPECT_THAT(Route("c", 0), ElementsAre("stop t/r0 threshold"));
  // Back again, it begins with nothing.
  Use({kDedup}, 60);
  EXPECT_THAT(Route("a", 1), ElementsAre("out t/r0"));
  EXPECT_EQ(SizeOf(0), (StateSize{26, 1}));
}

TEST_F(StateLimit, CountsFollowTheirBatch) {
  Use({kDedup}, 1'000);
  Route("a", 0);
  ASSERT_TRUE(task_->Commit(1, "rules").ok());
  Route("b", 0);
  EXPECT_EQ(SizeOf(0).entries, 2);
  task_->Rollback();
  ASSERT_TRUE(task_->LoadMeters().ok());
  EXPECT_EQ(SizeOf(0).entries, 1);
  Route("c", 0);
  ASSERT_TRUE(task_->Commit(2, "rules").ok());
  // Whoever opens the state knows them.
  task_ = std::make_unique<TaskSteps>(&state_);
  ASSERT_TRUE(task_->LoadMeters().ok());
  EXPECT_EQ(SizeOf(0), (StateSize{52, 2}));
}

}  // namespace
}  // namespace turnout::router

// Matches whose next step has another key than their partition: they leave, and go on elsewhere as
// if nothing had happened.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/router.h"
#include "tests/support/memory_state.h"

namespace turnout::router {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kRules[] = R"(
team: t
destinations: [out.*]
rules:
  - name: by-card
    match: { type: [pay] }
    steps: [{ dedup: { key: card, for: 1h } }]
    to: out.card
  - name: by-card-then-user
    match: { type: [pay] }
    steps:
      - dedup: { key: card, for: 1h }
      - sample: { key: user, percent: 100 }
      - throttle: { key: user, limit: 1, per: 1m }
    to: out.both
  - name: by-user
    match: { type: [pay] }
    steps: [{ dedup: { key: user, for: 1h } }]
    to: out.user
  - name: plain
    match: { type: [pay] }
    to: out.plain
)";

std::shared_ptr<const RuleSet> Rules(const std::string& partitioned_by,
                                     const std::string& text = kRules) {
  std::vector<Problem> problems;
  std::optional<RuleFile> file = ReadRuleFile("t.yaml", text, {}, &problems);
  for (const Problem& problem : problems) ADD_FAILURE() << problem.what;
  return RuleSet::Build({std::make_shared<const RuleFile>(*std::move(file))},
                        {.partitioned_by = partitioned_by});
}

// What left for another partition, kept over the router's next call.
struct Sent {
  std::string key;
  std::vector<state::StepId> steps;
  std::string rule_ids;
  bool is_shadow = false;
};

class RekeyTest : public testing::Test {
 protected:
  static Event Pay(const std::string& value) { return {.value = value, .timestamp_ms = 1'000'000}; }
  static std::vector<std::string> Destinations(const Routes& routes) {
    EXPECT_TRUE(routes.state_error.ok()) << routes.state_error;
    std::vector<std::string> names;
    for (const Output& output : routes.outputs) names.emplace_back(output.destination);
    return names;
  }
  static std::vector<Sent> SentOn(const Routes& routes) {
    std::vector<Sent> sent;
    for (const Rekeyed& one : routes.rekeyed) {
      EXPECT_EQ(one.rules.size(), one.steps.size());
      sent.push_back({std::string(one.key),
                      {one.steps.begin(), one.steps.end()},
                      std::string(one.rule_ids),
                      one.is_shadow});
    }
    return sent;
  }

  support::MemoryState here_{0};
  support::MemoryState there_{0};
  TaskSteps here_steps_{&here_};
  TaskSteps there_steps_{&there_};
  const std::string pay_ = R"({"type": "pay", "card": "c1", "user": 7})";
};

TEST_F(RekeyTest, StepsByTheSourcesKeyStayAndTheOthersLeaveByKey) {
  Router router(Rules("card"));
  const Routes& routes = router.Route(Pay(pay_), &here_steps_);
  EXPECT_THAT(Destinations(routes), ElementsAre("out.card", "out.plain"));
  const std::vector<Sent> sent = SentOn(routes);
  ASSERT_EQ(sent.size(), 1U);  // both rules by user in one record
  EXPECT_EQ(sent[0].key, "7");
  EXPECT_EQ(sent[0].rule_ids, "t/by-card-then-user,t/by-user");
  EXPECT_TRUE(router.rules().rekeys());
}

TEST_F(RekeyTest, WhatArrivesGoesOnBehindTheStepsThatItHasPassed) {
  Router router(Rules("card"));
  const std::vector<Sent> sent = SentOn(router.Route(Pay(pay_), &here_steps_));
  const Routes& first =
      router.Continue(Pay(pay_), sent[0].steps, sent[0].rule_ids, sent[0].is_shadow, &there_steps_);
  EXPECT_THAT(Destinations(first), ElementsAre("out.both", "out.user"));
  EXPECT_THAT(first.matched, IsEmpty());  // counted where it matched
  const Routes& again =
      router.Continue(Pay(pay_), sent[0].steps, sent[0].rule_ids, sent[0].is_shadow, &there_steps_);
  EXPECT_THAT(Destinations(again), IsEmpty());
  EXPECT_EQ(again.stopped.size(), 2U);
}

TEST_F(RekeyTest, ARuleOfTwoKeysTravelsTwice) {
  Router router(Rules("region"));
  const std::vector<Sent> sent = SentOn(router.Route(Pay(pay_), &here_steps_));
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].rule_ids, "t/by-card,t/by-card-then-user");
  EXPECT_EQ(sent[1].rule_ids, "t/by-user");
  const Routes& by_card =
      router.Continue(Pay(pay_), sent[0].steps, sent[0].rule_ids, sent[0].is_shadow, &there_steps_);
  EXPECT_THAT(Destinations(by_card), ElementsAre("out.card"));
  const std::vector<Sent> second = SentOn(by_card);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].key, "7");
  EXPECT_EQ(second[0].rule_ids, "t/by-card-then-user");
  const Routes& by_user = router.Continue(Pay(pay_), second[0].steps, second[0].rule_ids,
                                          second[0].is_shadow, &there_steps_);
  EXPECT_THAT(Destinations(by_user), ElementsAre("out.both"));
}

TEST_F(RekeyTest, OnePartitionKeepsEverythingWhereItIs) {
  Router router(Rules("*"));
  const Routes& routes = router.Route(Pay(pay_), &here_steps_);
  EXPECT_THAT(Destinations(routes), ElementsAre("out.card", "out.both", "out.user", "out.plain"));
  EXPECT_THAT(routes.rekeyed, IsEmpty());
  EXPECT_FALSE(router.rules().rekeys());
}

TEST_F(RekeyTest, AMatchWithoutTheKeyIsRejectedBeforeItLeaves) {
  Router router(Rules("card"));
  const Routes& routes = router.Route(Pay(R"({"type": "pay", "card": "c1"})"), &here_steps_);
  EXPECT_THAT(routes.rekeyed, IsEmpty());
  ASSERT_EQ(routes.rejections.size(), 1U);  // by-card-then-user was stopped by its sample
  EXPECT_THAT(std::string(routes.rejections[0].reason), HasSubstr("field `user`"));
}

TEST_F(RekeyTest, ARuleThatIsGoneIsNamedAndOneWhoseStepIsGoneRejects) {
  Router before(Rules("region"));
  const std::vector<Sent> sent = SentOn(before.Route(Pay(pay_), &here_steps_));
  Router after(Rules("region", R"(
team: t
destinations: [out.*]
rules:
  - name: by-card
    match: { type: [pay] }
    steps: [{ throttle: { key: card, limit: 1, per: 1h } }]
    to: out.card
)"));
  const Routes& routes =
      after.Continue(Pay(pay_), sent[0].steps, sent[0].rule_ids, sent[0].is_shadow, &there_steps_);
  EXPECT_THAT(Destinations(routes), IsEmpty());
  ASSERT_EQ(routes.rejections.size(), 1U);
  EXPECT_THAT(std::string(routes.rejections[0].reason), HasSubstr("has changed"));
  ASSERT_EQ(routes.gone.size(), 1u);
  EXPECT_EQ(routes.gone[0].rule_id, "t/by-card-then-user");
}

}  // namespace
}  // namespace turnout::router

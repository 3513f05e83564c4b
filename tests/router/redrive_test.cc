// Events that come back from where they were put aside: they go on where they stood, nowhere else.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/router.h"

namespace turnout::router {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kRules[] = R"(
team: t
owner: o@example.com
destinations: [out.*]
rules:
  - { name: plain, match: { type: [pay] }, to: out.plain }
  - { name: both, match: { type: [pay] }, to: [out.both, "out.{region}"] }
  - { name: other, match: { type: [other] }, shape: { keep: [type] }, to: out.plain }
  - { name: pings, match: { $kafka: { key: [ping] } }, to: out.pings }
  - name: card
    match: { type: [pay] }
    steps: [{ dedup: { key: card, for: 1h } }]
    to: out.card
  - name: user
    match: { type: [pay] }
    steps: [{ dedup: { key: user, for: 1h } }]
    to: out.user
  - name: sums
    match: { type: [pay] }
    steps: [{ aggregate: { key: card, window: 1m, fields: { n: count } } }]
    to: out.sums
)";

class RedriveTest : public testing::Test {
 protected:
  RedriveTest() { Use(kRules); }

  void Use(const std::string& rules) {
    std::vector<Problem> problems;
    std::optional<RuleFile> file = ReadRuleFile("t.yaml", rules, {}, &problems);
    for (const Problem& problem : problems) ADD_FAILURE() << problem.what;
    rules_ = RuleSet::Build({std::make_shared<const RuleFile>(*std::move(file))},
                            {.partitioned_by = "card"});
    router_ = std::make_unique<Router>(rules_);
  }

  const Routes& Redrive(const Redriven& from) {
    return router_->Redrive({.value = value_, .key = key_, .timestamp_ms = 1'000'000}, from);
  }

  static std::string WithRules(std::string_view rules) {
    return absl::StrCat("team: t\nowner: o@example.com\ndestinations: [out.*]\nrules:\n",
                        std::string(rules), "\n");
  }

  state::StepId StepOf(std::string_view rule) const {
    for (const Rule& one : rules_->teams().front()->rules) {
      if (one.name == rule) return one.steps.front().id;
    }
    return kNoStep;
  }

  static std::vector<std::string> Destinations(const Routes& routes) {
    EXPECT_TRUE(routes.state_error.ok()) << routes.state_error;
    EXPECT_THAT(routes.matched, IsEmpty());
    std::vector<std::string> names;
    for (const Output& output : routes.outputs) names.emplace_back(output.destination);
    return names;
  }

  std::string value_ = R"({"type": "pay", "card": "c1", "user": 7, "region": "eu"})";
  std::string key_ = "k";
  std::shared_ptr<const RuleSet> rules_;
  std::unique_ptr<Router> router_;
};

TEST_F(RedriveTest, GoesOnWithTheRulesThatItNamesAlone) {
  const Routes& routes = Redrive({.rule_ids = "t/plain"});
  EXPECT_THAT(Destinations(routes), ElementsAre("out.plain"));
  EXPECT_THAT(routes.rejections, IsEmpty());
  EXPECT_EQ(routes.outputs[0].rule_ids, "t/plain");
  EXPECT_EQ(routes.outputs[0].value, value_);
}

TEST_F(RedriveTest, GoesToTheOneDestinationThatItLacked) {
  EXPECT_THAT(Destinations(Redrive({.rule_ids = "t/both", .destination = "out.both"})),
              ElementsAre("out.both"));
  EXPECT_THAT(Destinations(Redrive({.rule_ids = "t/both", .destination = "out.eu"})),
              ElementsAre("out.eu"));
  EXPECT_THAT(Destinations(Redrive({.rule_ids = "t/both", .destination = "out.{region}"})),
              ElementsAre("out.eu"));
  EXPECT_THAT(Destinations(Redrive({.rule_ids = "t/both"})), ElementsAre("out.both", "out.eu"));
  const Routes& routes = Redrive({.rule_ids = "t/both", .destination = "out.gone"});
  EXPECT_THAT(Destinations(routes), IsEmpty());
  ASSERT_EQ(routes.rejections.size(), 1u);
  EXPECT_EQ(routes.rejections[0].destination, "out.gone");
  EXPECT_THAT(std::string(routes.rejections[0].reason), HasSubstr("any more"));
}

TEST_F(RedriveTest, ARejectionNamesTheDestinationWhereTheRuleHasOthers) {
  value_ = R"({"type": "pay", "card": "c1"})";
  const Routes& routes = Redrive({.rule_ids = "t/both"});
  EXPECT_THAT(Destinations(routes), ElementsAre("out.both"));
  ASSERT_EQ(routes.rejections.size(), 1u);
  EXPECT_EQ(routes.rejections[0].destination, "out.{region}");
  EXPECT_EQ(routes.rejections[0].step, kNoStep);
}

TEST_F(RedriveTest, IsNotToldToStepsThatItHasPassed) {
  for (int time = 0; time < 2; ++time) {
    EXPECT_THAT(Destinations(Redrive({.rule_ids = "t/card,t/user"})),
                ElementsAre("out.card", "out.user"));
  }
}

TEST_F(RedriveTest, GoesOnWithAStepWhereItsKeyLives) {
  const std::vector<state::StepId> step = {StepOf("user")};
  const Routes& routes = Redrive({.rule_ids = "t/user", .steps = step});
  EXPECT_THAT(Destinations(routes), IsEmpty());
  ASSERT_EQ(routes.rekeyed.size(), 1u);
  EXPECT_EQ(routes.rekeyed[0].key, "7");
  EXPECT_EQ(routes.rekeyed[0].rule_ids, "t/user");
  EXPECT_THAT(routes.rekeyed[0].steps, ElementsAre(step[0]));
}

TEST_F(RedriveTest, CanNotGoOnWithAStepOfTheSourcesPartition) {
  const std::vector<state::StepId> step = {StepOf("card")};
  const Routes& routes = Redrive({.rule_ids = "t/card", .steps = step});
  EXPECT_THAT(Destinations(routes), IsEmpty());
  EXPECT_THAT(routes.rekeyed, IsEmpty());
  ASSERT_EQ(routes.rejections.size(), 1u);
  EXPECT_EQ(routes.rejections[0].step, step[0]);
  EXPECT_THAT(std::string(routes.rejections[0].reason), HasSubstr("the source's partition"));
}

TEST_F(RedriveTest, SaysWhichRulesAndStepsAreGone) {
  const std::vector<state::StepId> steps = {kNoStep, 77};
  const Routes& routes = Redrive({.rule_ids = "t/gone,t/user", .steps = steps});
  ASSERT_EQ(routes.gone.size(), 1u);
  EXPECT_EQ(routes.gone[0].rule_id, "t/gone");
  EXPECT_EQ(routes.gone[0].step, kNoStep);
  ASSERT_EQ(routes.rejections.size(), 1u);
  EXPECT_EQ(routes.rejections[0].step, 77u);
}

// Put back once more, it is still but this destination that it lacks.
TEST_F(RedriveTest, WhatGoesNoFurtherLacksNoMoreThanItDid) {
  const Redriven from = {.rule_ids = "t/both", .destination = "out.both", .is_record = true};
  Use(WithRules("  - { name: other, match: { type: [pay] }, to: out.both }"));
  const Routes& gone = Redrive(from);
  ASSERT_EQ(gone.gone.size(), 1u);
  EXPECT_EQ(gone.gone[0].destination, "out.both");
  EXPECT_TRUE(gone.gone[0].is_record);
  Use(WithRules("  - { name: both, match: { type: [pay] }, to: [out.eu, out.us] }"));
  const Routes& elsewhere = Redrive(from);
  ASSERT_EQ(elsewhere.rejections.size(), 1u);
  EXPECT_TRUE(elsewhere.rejections[0].is_record);
  Use(WithRules("  - { name: both, match: { type: [pay] }, key: none, to: [out.both, out.us] }"));
  const Routes& keyless = Redrive({.rule_ids = "t/both", .destination = "out.both"});
  ASSERT_EQ(keyless.rejections.size(), 1u);
  EXPECT_EQ(keyless.rejections[0].destination, "out.both");
  EXPECT_FALSE(keyless.rejections[0].is_record);
}

TEST_F(RedriveTest, WhatTheRolloutDoesNotSendNowStaysADeadLetter) {
  for (const char* rollout : {"mode: shadow", "percent: 0"}) {
    for (const bool is_record : {false, true}) {
      Use(WithRules(absl::StrCat("  - { name: plain, match: { type: [pay] }, to: out.plain, ",
                                 "rollout: { ", rollout, " } }")));
      const Routes& routes =
          Redrive({.rule_ids = "t/plain", .destination = "out.plain", .is_record = is_record});
      EXPECT_THAT(Destinations(routes), IsEmpty()) << rollout;
      EXPECT_THAT(routes.shadowed, IsEmpty()) << rollout;
      EXPECT_THAT(routes.held_back, IsEmpty()) << rollout;
      ASSERT_EQ(routes.rejections.size(), 1u) << rollout;
      EXPECT_EQ(routes.rejections[0].destination, "out.plain");
      EXPECT_THAT(std::string(routes.rejections[0].reason), HasSubstr("`rollout`"));
    }
  }
}

TEST_F(RedriveTest, WhatNoRuleHasSeenIsInRolloutsAsAnyEventIs) {
  Use(
      WithRules("  - { name: dark, match: { type: [pay] }, to: out.a, rollout: { mode: shadow } }\n"
                "  - { name: none, match: { type: [pay] }, to: out.b, rollout: { percent: 0 } }\n"
                "  - { name: full, match: { type: [pay] }, to: out.c }"));
  const Routes& routes = Redrive({});
  EXPECT_THAT(Destinations(routes), ElementsAre("out.c"));
  EXPECT_THAT(routes.rejections, IsEmpty());
  EXPECT_EQ(routes.shadowed.size(), 1u);
  EXPECT_EQ(routes.held_back.size(), 1u);
}

TEST_F(RedriveTest, ARecordThatARuleMadeGoesAsItIs) {
  value_ = R"({"n": 3})";
  const Routes& routes =
      Redrive({.rule_ids = "t/sums", .destination = "out.sums", .is_record = true});
  EXPECT_THAT(Destinations(routes), ElementsAre("out.sums"));
  EXPECT_EQ(routes.outputs[0].value, value_);
  EXPECT_EQ(routes.outputs[0].key, key_);
  EXPECT_TRUE(routes.outputs[0].is_feature);
}

TEST_F(RedriveTest, AnEventIsNotSentWhereTheRuleSendsRecords) {
  const Routes& routes = Redrive({.rule_ids = "t/sums", .destination = "out.sums"});
  EXPECT_THAT(Destinations(routes), IsEmpty());
  EXPECT_EQ(routes.rejections.size(), 1u);
}

TEST_F(RedriveTest, WhatNoRuleCouldReadIsJudgedByAllButThoseThatHadIt) {
  key_ = "ping";
  const Routes& routes = Redrive({});
  EXPECT_THAT(Destinations(routes), ElementsAre("out.both", "out.eu", "out.plain"));
  // Steps keep their state elsewhere: by the user's key, or where the event does not come by.
  ASSERT_EQ(routes.rekeyed.size(), 1u);
  EXPECT_EQ(routes.rekeyed[0].rule_ids, "t/user");
  EXPECT_EQ(routes.rejections.size(), 2u) << "t/card and t/sums";
}

TEST_F(RedriveTest, WhatStillCanNotBeReadIsSaidToBe) {
  value_ = R"({"type": "pay")";
  EXPECT_FALSE(Redrive({}).payload_error.ok());
  EXPECT_THAT(Destinations(Redrive({})), IsEmpty());
  // A rule that has no need to read it has the event as it is.
  EXPECT_THAT(Destinations(Redrive({.rule_ids = "t/pings"})), ElementsAre("out.pings"));
  const Routes& routes = Redrive({.rule_ids = "t/other"});
  EXPECT_TRUE(routes.payload_error.ok());
  ASSERT_EQ(routes.rejections.size(), 1u);
  EXPECT_THAT(std::string(routes.rejections[0].reason), HasSubstr("can't be read"));
}

}  // namespace
}  // namespace turnout::router

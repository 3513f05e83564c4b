#include "runtime/replay_rule.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/rule_loader.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kRules[] = R"(
team: fraud
destinations: [fraud.*]
rules:
  - {name: all, match: {type: [paid]}, to: fraud.all}
  - name: once
    match: {type: [paid]}
    steps: [{dedup: {key: card, for: 1h}}]
    to: fraud.once
)";

class ReplayRule : public ::testing::Test {
 protected:
  ReplayRule() {
    config.rules = directory.path() + "/rules";
    config.time.partitioned_by = "card";
    config.rekey_topic = "turnout.rekey";
    directory.Write("rules/fraud.yaml", kRules);
  }

  std::string RefusalOf(const std::string& rule, const std::string& to = "") {
    const auto found = FindReplayRule(config, {}, rule, to);
    EXPECT_TRUE(absl::IsInvalidArgument(found.status())) << rule;
    return std::string(found.status().message());
  }

  support::TempDirectory directory;
  Config config;
};

TEST_F(ReplayRule, IsARuleSetOfItsOwn) {
  const auto found = FindReplayRule(config, {}, "fraud/once", "");
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ((*found)->rules().size(), 1u);
  EXPECT_EQ((*found)->rules()[0].id, "fraud/once");
  EXPECT_TRUE((*found)->keeps_state());
  EXPECT_EQ((*found)->settings().partitioned_by, "card");
  ASSERT_EQ((*found)->destinations().size(), 1u);
  EXPECT_EQ((*found)->destinations()[0].topic, "fraud.once");
}

TEST_F(ReplayRule, HasTheSameHashWhateverBecomesOfTheTeamsOtherRules) {
  const auto before = FindReplayRule(config, {}, "fraud/once", "");
  ASSERT_TRUE(before.ok()) << before.status();
  std::string changed = kRules;
  changed.replace(changed.find("fraud.all"), 9, "fraud.any");
  directory.Write("rules/fraud.yaml", changed);
  EXPECT_EQ((*FindReplayRule(config, {}, "fraud/once", ""))->hash(), (*before)->hash());
  changed.replace(changed.find("1h"), 2, "2h");
  directory.Write("rules/fraud.yaml", changed);
  EXPECT_NE((*FindReplayRule(config, {}, "fraud/once", ""))->hash(), (*before)->hash());
}

TEST_F(ReplayRule, SendsAllThatItMatchesHoweverFarItIsRolledOut) {
  const auto found = FindReplayRule(config, {}, "fraud/all", "");
  ASSERT_TRUE(found.ok()) << found.status();
  std::string changed = kRules;
  changed.replace(changed.find("to: fraud.all"), 13, "to: fraud.all, rollout: {mode: shadow}");
  directory.Write("rules/fraud.yaml", changed);
  EXPECT_EQ((*FindReplayRule(config, {}, "fraud/all", ""))->hash(), (*found)->hash());
}

TEST_F(ReplayRule, MaySendToAnotherTopicAndIsAnotherRuleThen) {
  const auto found = FindReplayRule(config, {}, "fraud/all", "trial");
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ((*found)->destinations().size(), 1u);
  EXPECT_EQ((*found)->destinations()[0].topic, "trial");
  EXPECT_NE((*found)->hash(), (*FindReplayRule(config, {}, "fraud/all", ""))->hash());
  EXPECT_THAT(RefusalOf("fraud/all", "no topic"), HasSubstr("--to-topic `no topic`"));
}

TEST_F(ReplayRule, IsKnownAgainByWhatItHasSent) {
  const auto at_hand = router::RuleSet::Build(LoadRules({config.rules}, {}).teams, config.time);
  for (const std::string to : {"", "trial"}) {
    const std::string hash = (*FindReplayRule(config, {}, "fraud/all", to))->hash();
    const std::string topic = to.empty() ? "fraud.all" : to;
    ExplainedEvent sent = {.topic = topic,
                           .headers = {{"turnout-rules", "fraud/all"}, {"turnout-rule-set", hash}}};
    const auto known = ReplayRuleOf(sent, *at_hand);
    ASSERT_NE(known, nullptr) << topic;
    EXPECT_EQ(known->hash(), hash);
    sent.topic = "dead";
    sent.headers.push_back({"turnout-destination", topic});
    EXPECT_NE(ReplayRuleOf(sent, *at_hand), nullptr) << topic;
    sent.headers[1].second = "of another rule";
    EXPECT_EQ(ReplayRuleOf(sent, *at_hand), nullptr) << topic;
    sent.headers[0].second = "fraud/gone";
    EXPECT_EQ(ReplayRuleOf(sent, *at_hand), nullptr) << topic;
  }
}

TEST_F(ReplayRule, ThatThereIsNoneOfIsRefusedWithTheNearestName) {
  EXPECT_THAT(RefusalOf("fraud/onec"), HasSubstr("did you mean `fraud/once`?"));
  EXPECT_THAT(RefusalOf("nobody/once"), HasSubstr("there is no rule `nobody/once`"));
  EXPECT_THAT(RefusalOf("fraud"), HasSubstr("there is no rule `fraud`"));
  directory.Write("rules/ads.yaml", "team: ads\nrules: 7\n");
  EXPECT_THAT(RefusalOf("ads/x"), HasSubstr("ads.yaml:2:"));
}

TEST_F(ReplayRule, WhoseMatchesAreRekeyedIsRefused) {
  config.time.partitioned_by = "user";
  EXPECT_THAT(RefusalOf("fraud/once"),
              AllOf(HasSubstr("has a step by card, and the source is partitioned by user:"),
                    HasSubstr("go through turnout.rekey"),
                    HasSubstr("(set source.partitioned_by, if card is what")));
  config.time.partitioned_by = "";
  EXPECT_THAT(RefusalOf("fraud/once"), HasSubstr("by card, and source.partitioned_by is not set"));
  EXPECT_TRUE(FindReplayRule(config, {}, "fraud/all", "").ok());
}

}  // namespace
}  // namespace turnout::runtime

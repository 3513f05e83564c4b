#include "runtime/live_rule_sets.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/rule_loader.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

class LiveRuleSetsTest : public ::testing::Test {
 protected:
  LiveRuleSetsTest() {
    config.rules = directory.path() + "/rules";
    config.state_dir = directory.path() + "/state";
    config.group = "turnout";
    Write("{name: other, match: {type: [other]}, to: shop.other}");
  }

  void Write(const std::string& rule) {
    text = absl::StrCat("team: shop\ndestinations: [shop.*]\nrules:\n  - ", rule, "\n");
    directory.Write("rules/shop.yaml", text);
  }

  // The hash of the rules as they are now.
  std::string Now() const { return Build()->hash(); }

  // As a router of that name does that has them in force.
  std::string Keep(const std::string& instance) {
    RuleHistory history(RuleHistoryDirectory(config.state_dir, config.group, instance), "files");
    history.Open().IgnoreError();  // the first time, nothing is there
    const auto rules = Build();
    const absl::Status kept = history.Add(*rules, {.rule_set = rules->hash()});
    EXPECT_TRUE(kept.ok()) << kept;
    return rules->hash();
  }

  std::shared_ptr<const router::RuleSet> Build() const {
    std::vector<router::Problem> problems;
    auto teams = CompileRules("shop.yaml", text, config.limits.rules, &problems);
    EXPECT_TRUE(problems.empty());
    return router::RuleSet::Build(std::move(teams), config.time);
  }

  support::TempDirectory directory;
  std::string text;  // of the rules as they are now
  Config config;
};

TEST_F(LiveRuleSetsTest, AreThoseThatAnyRouterOfThisStateDirectoryHadInForceAndThePresentOnes) {
  const std::string without = Keep("router-0");
  Write("{name: paid, match: {type: [paid]}, to: shop.paid, rollout: {mode: shadow}}");
  const std::string in_shadow = Keep("router-1");
  Write("{name: paid, match: {type: [paid]}, to: shop.paid, rollout: {percent: 5}}");
  const std::string for_a_share = Keep("router-0");
  Write("{name: paid, match: {type: [paid]}, to: shop.paid}");
  LiveRuleSets sets(config, "shop/paid");
  EXPECT_EQ(sets.ReachIn(without), RuleReach::kNothing);
  EXPECT_EQ(sets.ReachIn(in_shadow), RuleReach::kNothing);
  EXPECT_EQ(sets.ReachIn(for_a_share), RuleReach::kShare);
  EXPECT_EQ(sets.ReachIn(Now()), RuleReach::kAll);
  EXPECT_EQ(sets.ReachIn("0123456789abcdef"), std::nullopt);
}

TEST_F(LiveRuleSetsTest, WithoutAnyRouterArePresentOnesOnly) {
  LiveRuleSets sets(config, "shop/other");
  EXPECT_EQ(sets.ReachIn("0123456789abcdef"), std::nullopt);
  EXPECT_EQ(sets.ReachIn(Now()), RuleReach::kAll);
}

}  // namespace
}  // namespace turnout::runtime

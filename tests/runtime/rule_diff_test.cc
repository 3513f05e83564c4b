#include "runtime/rule_diff.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/rule_trial.h"
#include "tests/support/rules_of.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using ::testing::ElementsAre;

constexpr char kOld[] = R"(
team: shop
destinations: [shop.*]
rules:
  - {name: big, match: {total: [{numeric: [">=", 100]}]}, to: shop.big}
  - {name: gone, match: {type: [order]}, to: shop.gone}
  - {name: moved, match: {type: [order]}, to: [shop.a, shop.b]}
  - {name: shaped, match: {type: [order]}, to: shop.shaped}
  - {name: same, match: {type: [order]}, to: shop.same}
  - {name: keyed, match: {type: [order]}, to: shop.keyed, key: who}
)";
constexpr char kNew[] = R"(
team: shop
destinations: [shop.*]
rules:
  - {name: big, match: {total: [{numeric: [">=", 50]}]}, to: shop.big}
  - {name: moved, match: {type: [order]}, to: [shop.a, shop.c]}
  - {name: shaped, match: {type: [order]}, shape: {keep: [total]}, to: shop.shaped}
  - {name: same, match: {type: [order]}, to: shop.same}
  - {name: keyed, match: {type: [order]}, to: shop.keyed, key: who}
  - {name: fresh, match: {type: [order]}, to: shop.fresh}
)";

class RuleDiffTest : public ::testing::Test {
 protected:
  // What both rule sets make of these values, at the offsets in which they stand.
  RuleDiff Compare(std::string_view old_rules, std::string_view new_rules,
                   const std::vector<std::string>& values, size_t samples_max = 3) {
    RuleTrial old_trial(support::RuleSetOf({old_rules}), directory.path() + "/old", &resources);
    RuleTrial new_trial(support::RuleSetOf({new_rules}), directory.path() + "/new", &resources);
    RuleDiff diff(samples_max);
    connectors::Event event;
    for (const std::string& value : values) {
      event.value = value;
      event.timestamp_ms = ++event.offset * 1000;
      std::vector<TrialOutput> old_outputs;
      std::vector<TrialOutput> new_outputs;
      EXPECT_TRUE(old_trial.Apply(event, "events", &old_outputs).ok());
      EXPECT_TRUE(new_trial.Apply(event, "events", &new_outputs).ok());
      unreadable += old_trial.is_unreadable();
      diff.Add(absl::StrCat("events/0/", event.offset), value, old_outputs, new_outputs);
    }
    return diff;
  }

  support::TempDirectory directory;
  state::StateResources resources{state::StateLimits()};
  int unreadable = 0;
};

TEST_F(RuleDiffTest, CountsEachKindOfDifferenceByRule) {
  const RuleDiff diff = Compare(kOld, kNew,
                                {R"({"type": "order", "total": 70, "who": "x"})",
                                 R"({"type": "order", "total": 120, "who": "x"})",
                                 R"({"type": "order", "total": 20})", R"({"type": "cart"})", "{"});
  EXPECT_EQ(diff.events(), 5u);
  EXPECT_EQ(unreadable, 1);
  EXPECT_TRUE(diff.differs());
  const auto& rules = diff.rules();
  const RuleDifference& big = rules.at("shop/big");
  EXPECT_EQ(big.old_events, 1u);
  EXPECT_EQ(big.new_events, 2u);
  EXPECT_THAT(big.differing, ElementsAre(1, 0, 0, 0));
  EXPECT_EQ(big.destinations.at("shop.big").old_records, 1u);
  EXPECT_EQ(big.destinations.at("shop.big").new_records, 2u);
  EXPECT_THAT(rules.at("shop/gone").differing, ElementsAre(0, 3, 0, 0));
  EXPECT_THAT(rules.at("shop/fresh").differing, ElementsAre(3, 0, 0, 0));
  EXPECT_THAT(rules.at("shop/moved").differing, ElementsAre(0, 0, 3, 0));
  EXPECT_THAT(rules.at("shop/shaped").differing, ElementsAre(0, 0, 0, 3));
  EXPECT_FALSE(rules.at("shop/same").differs());
  // Without the field of its key it is a dead letter on both sides.
  EXPECT_FALSE(rules.at("shop/keyed").differs());
  EXPECT_EQ(rules.at("shop/keyed").destinations.at("(dead letters)").new_records, 1u);
}

TEST_F(RuleDiffTest, KeepsTheFirstSamplesOfEachKind) {
  const std::vector<std::string> orders(5, R"({"type": "order", "total": 70})");
  const RuleDiff diff = Compare(kOld, kNew, orders, 2);
  const RuleDifference& moved = diff.rules().at("shop/moved");
  EXPECT_THAT(moved.differing, ElementsAre(0, 0, 5, 0));
  ASSERT_EQ(moved.samples.size(), 2u);
  EXPECT_EQ(moved.samples[1].position, "events/0/2");
  EXPECT_THAT(moved.samples[1].old_destinations, ElementsAre("shop.a", "shop.b"));
  EXPECT_THAT(moved.samples[1].new_destinations, ElementsAre("shop.a", "shop.c"));
  EXPECT_EQ(moved.samples[1].event, orders[1]);
}

TEST_F(RuleDiffTest, TheSameRulesDoTheSame) {
  EXPECT_FALSE(Compare(kOld, kOld, {R"({"type": "order", "total": 120})"}).differs());
}

std::string Once(std::string_view span) {
  return absl::StrCat(
      "team: shop\ndestinations: [shop.*]\nrules: [{name: once, match: {type: [order]}, steps: "
      "[{dedup: {key: who, for: ",
      std::string(span), "}}], to: shop.once}]\n");
}

TEST_F(RuleDiffTest, BothSidesRememberAndNeitherKnowsOfTheOther) {
  // A second apart; re-keyed, since nobody has said what the source is partitioned by.
  const std::vector<std::string> orders(10, R"({"type": "order", "who": "x"})");
  const RuleDiff diff = Compare(Once("2s"), Once("5s"), orders);
  const RuleDifference& once = diff.rules().at("shop/once");
  EXPECT_EQ(once.old_events, 5u);
  EXPECT_EQ(once.new_events, 2u);
  EXPECT_THAT(once.differing, ElementsAre(1, 4, 0, 0));
}

}  // namespace
}  // namespace turnout::runtime

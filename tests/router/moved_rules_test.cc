#include "router/moved_rules.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/rule_file.h"

namespace turnout::router {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Team TeamOf(const std::string& name, const std::string& steps) {
  std::vector<Problem> problems;
  std::optional<RuleFile> file = ReadRuleFile(
      "t.yaml",
      "{team: " + name + ", destinations: [t], rules: [{name: r, match: {x: [1]}, steps: [" +
          steps + "], to: t}]}",
      {}, &problems);
  for (const Problem& problem : problems) ADD_FAILURE() << problem.what;
  return std::make_shared<const RuleFile>(*std::move(file));
}

std::shared_ptr<const RuleSet> By(const std::string& field, std::vector<Team> teams,
                                  std::vector<state::StepId> kept_steps = {}) {
  return RuleSet::Build(std::move(teams), {.partitioned_by = field}, std::move(kept_steps));
}

constexpr char kByUser[] = "{dedup: {key: user, for: 1h}}";
constexpr char kByCard[] = "{throttle: {key: card, limit: 1, per: 1m}}";

const std::string kUserThenCard = std::string(kByUser) + ", " + kByCard;
const std::string kCardThenUser = std::string(kByCard) + ", " + kByUser;

std::vector<state::StepId> StepsOf(const Team& team) {
  std::vector<state::StepId> steps;
  AppendSteps(*team, &steps);
  return steps;
}

TEST(RulesThatMove, AreThoseThatReachTheirKeyOnTheOtherSideOfTheHop) {
  struct Case {
    std::string steps;
    std::string before;
    std::string now;
    bool moves;
  };
  const std::vector<Case> cases = {
      {kByUser, "user", "user", false},
      {kByUser, "user", "card", true},  // now re-keyed
      {kByUser, "card", "user", true},  // no more
      {kByUser, "user", "", true},
      {kByUser, "user", "*", false},  // all keys meet where they are
      {kByUser, "*", "card", true},
      {kByUser, "card", "region", false},  // re-keyed by both
      {kUserThenCard, "user", "card", true},
      {kUserThenCard, "card", "region", false},  // the second key comes behind the first hop
      {kUserThenCard, "card", "", false},
      {"{sample: {key: card, percent: 5}}, " + std::string(kByUser), "user", "user", false},
      {"{sample: {key: card, percent: 5}}", "user", "card", false},  // remembers nothing
  };
  for (const Case& one : cases) {
    const auto moved = RulesThatMove(*By(one.before, {TeamOf("a", one.steps)}),
                                     *By(one.now, {TeamOf("a", one.steps)}));
    EXPECT_EQ(moved, one.moves ? std::vector<std::string>{"a/r"} : std::vector<std::string>{})
        << one.steps << " by `" << one.before << "`, then `" << one.now << "`";
  }
}

TEST(RulesThatMove, AStepThatIsNewOrGoneMovesNothing) {
  const Team team = TeamOf("a", kByUser);
  EXPECT_THAT(RulesThatMove(*By("user", {}), *By("card", {team})), IsEmpty());
  EXPECT_THAT(RulesThatMove(*By("user", {team}), *By("card", {})), IsEmpty());
}

TEST(RulesThatMove, AStepOfAnotherKeyBeforeItMovesAStepToo) {
  EXPECT_THAT(
      RulesThatMove(*By("user", {TeamOf("a", kByUser)}), *By("user", {TeamOf("a", kCardThenUser)})),
      ElementsAre("a/r"));
  EXPECT_THAT(
      RulesThatMove(*By("user", {TeamOf("a", kByUser)}), *By("user", {TeamOf("a", kUserThenCard)})),
      IsEmpty());
}

TEST(RulesThatMove, ATeamThatStandsAsideIsJudgedByItsRulesInTheOther) {
  const Team team = TeamOf("a", kByUser);
  const auto aside_before = By("user", {}, StepsOf(team));
  const auto aside_now = By("card", {}, StepsOf(team));
  EXPECT_THAT(RulesThatMove(*aside_before, *By("card", {team})), ElementsAre("a/r"));
  EXPECT_THAT(RulesThatMove(*By("user", {team}), *aside_now), ElementsAre("a/r"));
  EXPECT_THAT(RulesThatMove(*By("user", {team}), *By("card", {}, {kAllSteps})), ElementsAre("a/r"));
  EXPECT_THAT(RulesThatMove(*aside_before, *By("user", {team})), IsEmpty());
  EXPECT_THAT(RulesThatMove(*aside_before, *aside_now),
              ElementsAre("rules of teams that stand aside"));
}

TEST(RuleSetSteps, AreKeptWhereTheyAreReached) {
  const Team first = TeamOf("a", kUserThenCard);
  const Team second = TeamOf("b", kByUser);
  const auto rules = By("user", {first, second}, {5});
  const std::vector<state::StepId> of_first = StepsOf(first);
  EXPECT_THAT(rules->steps_at(StepPlace::kSource),
              testing::UnorderedElementsAre(5, of_first[0], StepsOf(second)[0]));
  EXPECT_THAT(rules->steps_at(StepPlace::kRekeyed), testing::UnorderedElementsAre(5, of_first[1]));
}

}  // namespace
}  // namespace turnout::router

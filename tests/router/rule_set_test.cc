#include "router/rule_set.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rules_of.h"

namespace turnout::router {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

using support::TeamOf;

constexpr std::string_view kFraud = R"(
team: fraud
owner: a@example.com
destinations: [fraud.*, shared]
rules:
  - {name: b, description: one, match: {type: [x], n: [1]}, to: [fraud.1, shared], key: k}
  - {name: a, match: {type: [y]}, to: "fraud.{region}"}
)";

constexpr std::string_view kGrowth = R"(
team: growth
destinations: [shared]
rules:
  - {name: a, match: {type: [x]}, to: shared}
)";

std::string HashOf(const std::vector<std::string_view>& texts) {
  return support::RuleSetOf(texts)->hash();
}

std::string Replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string result(text);
  const size_t at = result.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return result.replace(at, what.size(), with);
}

TEST(RuleSet, RulesAreSortedById) {
  // `-` and `.` come before `/`, so ids are not ordered as the team names alone would be.
  const auto one_rule = [](std::string team) {
    return TeamOf("team: " + team +
                  "\ndestinations: [x]\nrules:\n  - {name: r, match: {a: [1]}, to: x}\n");
  };
  const auto set =
      RuleSet::Build({TeamOf(kGrowth), one_rule("fraud-eu"), TeamOf(kFraud), one_rule("fraud0")});
  std::vector<std::string> ids;
  for (const RuleInfo& rule : set->rules()) ids.emplace_back(rule.id);
  EXPECT_THAT(ids, ElementsAre("fraud-eu/r", "fraud/a", "fraud/b", "fraud0/r", "growth/a"));
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(set->rules()[1].team(), "fraud");
  EXPECT_EQ(set->rules()[1].name(), "a");
}

TEST(RuleSet, DestinationsNameTheTeamsThatWriteThem) {
  const auto set = RuleSet::Build({TeamOf(kGrowth), TeamOf(kFraud)});
  ASSERT_THAT(set->destinations(), SizeIs(2));  // templates are not among them
  EXPECT_EQ(set->destinations()[0].topic, "fraud.1");
  EXPECT_THAT(set->destinations()[0].teams, ElementsAre("fraud"));
  EXPECT_EQ(set->destinations()[1].topic, "shared");
  EXPECT_THAT(set->destinations()[1].teams, ElementsAre("fraud", "growth"));
}

TEST(RuleSet, HashIsTheSameOnEveryMachine) {
  // Written down once. If it changes, routers of two versions disagree about equal rules, and
  // commit notes of the older name nothing: let kHashFormat say so.
  EXPECT_EQ(HashOf({kFraud, kGrowth}), "c51bba5fd9926613");
  EXPECT_THAT(HashOf({}), MatchesRegex("[0-9a-f]{16}"));
}

TEST(RuleSet, HashIsOfWhatDecidesTheRoute) {
  const std::string hash = HashOf({kFraud, kGrowth});
  EXPECT_EQ(HashOf({kGrowth, kFraud}), hash);
  EXPECT_EQ(HashOf({Replaced(kFraud, "a@example.com", "b@example.com"), kGrowth}), hash);
  EXPECT_EQ(HashOf({Replaced(kFraud, "description: one", "description: two"), kGrowth}), hash);
  EXPECT_EQ(HashOf({Replaced(kFraud, "[fraud.*, shared]", "[shared, fraud.*]"), kGrowth}), hash);
  EXPECT_EQ(HashOf({Replaced(kFraud, "type: [x], n: [1]", "n: [1], type: [x]"), kGrowth}), hash);
  const std::string in_full = ", key: k, rollout: {percent: 100.00, mode: live}";
  EXPECT_EQ(HashOf({Replaced(kFraud, ", key: k", in_full), kGrowth}), hash);

  const std::vector<std::pair<std::string_view, std::string_view>> changes = {
      {"team: fraud", "team: fraud2"},   {"name: b", "name: c"},
      {"type: [x]", "type: [z]"},        {"n: [1]", "n: [\"1\"]"},
      {"to: [fraud.1,", "to: [fraud.2,"}, {"key: k", "key: l"},
      {", key: k", ""},                  {"{region}", "{zone}"},
      {"[fraud.*, shared]", "[fraud.*, shared, other]"},
      {", key: k", ", key: k, shape: {keep: [type]}"},
      {", key: k", ", key: k, shape: {drop: [type]}"},
      {", key: k", ", key: k, steps: [{sample: {key: k, percent: 5}}]"},
      {", key: k", ", key: k, steps: [{sample: {key: k, percent: 50}}]"},
      {", key: k", ", key: k, steps: [{sample: {key: l, percent: 5}}]"},
      {", key: k", ", key: k, rollout: {percent: 5}"},
      {", key: k", ", key: k, rollout: {percent: 50}"},
      {", key: k", ", key: k, rollout: {mode: shadow}"},
      {", key: k", ", key: k, rollout: {percent: 50, mode: shadow}"},
  };
  std::vector<std::string> hashes = {hash, HashOf({kFraud}), HashOf({kGrowth}), HashOf({})};
  for (const auto& [what, with] : changes) {
    hashes.push_back(HashOf({Replaced(kFraud, what, with), kGrowth}));
  }
  std::sort(hashes.begin(), hashes.end());
  EXPECT_EQ(std::adjacent_find(hashes.begin(), hashes.end()), hashes.end());
}

TEST(RuleSet, HashTellsApartWhereOneTextEndsAndTheNextBegins) {
  const auto named = [](std::string_view name, std::string_view key) {
    const std::string rule = "{name: " + std::string(name) + ", key: " + std::string(key) + ",";
    return HashOf({Replaced(kGrowth, "{name: a,", rule)});
  };
  EXPECT_NE(named("ab", "c"), named("a", "bc"));
}

TEST(RuleSet, MayBeEmpty) {
  const auto set = RuleSet::Build({});
  EXPECT_THAT(set->rules(), IsEmpty());
  EXPECT_THAT(set->destinations(), IsEmpty());
}

}  // namespace
}  // namespace turnout::router

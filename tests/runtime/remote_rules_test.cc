// What a command takes of rules that are asked for over the network.

#include "runtime/remote_rules.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/rule_set.h"
#include "runtime/rule_shelf.h"
#include "tests/support/fake_rule_origin.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using support::OneRuleText;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RemoteRulesTest : public testing::Test {
 protected:
  RuleHistory History() { return {directory_.path() + "/rules", OriginName(origin_.status())}; }

  // As a router on this machine does it; answers the rule set.
  std::string Keep(const std::map<std::string, std::string>& texts) {
    RuleFiles files;
    for (const auto& [name, text] : texts) files.files[name].text = text;
    RuleShelf shelf({});
    shelf.Take(std::move(files));
    const auto rules = router::RuleSet::Build(shelf.teams());
    RuleHistory history = History();
    history.Open().IgnoreError();
    const absl::Status kept =
        history.Add(*rules, {.rule_set = rules->hash(), .files = shelf.version()});
    EXPECT_TRUE(kept.ok()) << kept;
    return rules->hash();
  }

  absl::StatusOr<RemoteRules> Take(absl::Duration within = absl::Seconds(20)) {
    RuleHistory history = History();
    return TakeRemoteRules(&origin_, &history, {}, within, "name others");
  }

  // "team -> topic".
  std::vector<std::string> Lines(const absl::StatusOr<RemoteRules>& rules) {
    EXPECT_TRUE(rules.ok()) << rules.status();
    std::vector<std::string> lines;
    if (!rules.ok()) return lines;
    for (const router::Team& team : rules->teams) {
      lines.push_back(team->team + " -> " + team->rules.front().to.front().text);
    }
    return lines;
  }

  const support::TempDirectory directory_;
  support::FakeRuleOrigin origin_;
};

TEST_F(RemoteRulesTest, AreWhatTheOriginHas) {
  Keep({{"a.yaml", OneRuleText("a", "old")}});
  origin_.Put("1", {{"a.yaml", OneRuleText("a", "new")}, {"b.yaml", OneRuleText("b", "new")}});
  const auto rules = Take();
  EXPECT_THAT(Lines(rules), ElementsAre("a -> new", "b -> new"));
  EXPECT_THAT(rules->notes, IsEmpty());
}

TEST_F(RemoteRulesTest, OfARefusedFileAreWhatTheDiskHasKept) {
  Keep({{"a.yaml", OneRuleText("a", "kept")}});
  origin_.Put("1", {{"a.yaml", "team: a"}, {"b.yaml", OneRuleText("b", "new")}});
  const auto rules = Take();
  EXPECT_THAT(Lines(rules), ElementsAre("a -> kept", "b -> new"));
  EXPECT_THAT(rules->notes, ElementsAre(HasSubstr("a.yaml:1:1")));
}

TEST_F(RemoteRulesTest, AreThoseThatWereGoneBackToUntilThereIsAnotherVersion) {
  const std::map<std::string, std::string> bad = {{"a.yaml", OneRuleText("a", "bad")}};
  const std::string good = Keep({{"a.yaml", OneRuleText("a", "good")}});
  const std::string from = Keep(bad);
  RuleHistory history = History();
  ASSERT_TRUE(history.Open().ok());
  ASSERT_TRUE(
      history.SetRollback(RuleRollback{good, from, history.versions().back().files, absl::Now()})
          .ok());
  origin_.Put("1", bad);
  const auto rules = Take();
  EXPECT_THAT(Lines(rules), ElementsAre("a -> good"));
  EXPECT_THAT(rules->notes, ElementsAre(HasSubstr(good)));
  origin_.Put("2", {{"a.yaml", OneRuleText("a", "better")}});
  EXPECT_THAT(Lines(Take()), ElementsAre("a -> better"));
}

TEST_F(RemoteRulesTest, AreThoseOnDiskAtOnceWhereTheOriginIsKnownToBeAway) {
  const std::string kept = Keep({{"a.yaml", OneRuleText("a", "kept")}});
  origin_.Fail("it answers 503");
  const auto rules = Take(absl::InfiniteDuration());
  EXPECT_THAT(Lines(rules), ElementsAre("a -> kept"));
  ASSERT_EQ(rules->notes.size(), 1u);
  EXPECT_THAT(rules->notes[0], HasSubstr(kept));
  EXPECT_THAT(rules->notes[0], HasSubstr("https://config/rules: it answers 503"));
}

TEST_F(RemoteRulesTest, ThatAreNowhereAreAnErrorThatSaysWhereTheyWereSought) {
  origin_.Fail("it answers 503");
  const absl::Status away = Take(absl::ZeroDuration()).status();
  EXPECT_TRUE(absl::IsUnavailable(away)) << away;
  EXPECT_EQ(away.message(),
            "no rules from https://config/rules: it answers 503 (and this machine has kept none of "
            "them; name others)");
  origin_.Put("1", {{"a.yaml", "team: a"}});
  const absl::Status refused = Take().status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("a.yaml:1:1"));
}

}  // namespace
}  // namespace turnout::runtime

#include "runtime/rule_control.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/pipeline_json.h"
#include "tests/support/rules_of.h"
#include "tests/support/simulated_clock.h"

namespace turnout::runtime {
namespace {

using connectors::TopicDescription;
using nlohmann::json;
using router::Team;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using State = TopicDescription::State;

// Every topic is there but those that are missing; no broker answers while it is away.
class FakeAdmin : public connectors::TopicAdmin {
 public:
  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> topics, bool,
                                                         absl::Duration) override {
    ++questions;
    if (away) return absl::UnavailableError("no route");
    std::vector<TopicDescription> described;
    for (const std::string& topic : topics) {
      const bool is_missing = missing.count(topic) > 0;
      described.push_back({.topic = topic,
                           .state = is_missing ? State::kMissing : State::kReady,
                           .partitions = is_missing ? 0 : partitions});
    }
    return described;
  }
  absl::StatusOr<std::vector<std::string>> List(absl::Duration) override {
    return absl::UnimplementedError("not asked for");
  }
  absl::Status Create(absl::Span<const connectors::NewTopic>, absl::Duration) override {
    return absl::UnimplementedError("nothing is created here");
  }

  std::set<std::string> missing;
  bool away = false;
  int32_t partitions = 3;
  int questions = 0;
};

// A team with one rule, "r", that sends there.
Team To(const std::string& team, const std::string& topic, const std::string& owner = "") {
  return support::TeamOf(
      absl::StrFormat("team: %s\nowner: \"%s\"\ndestinations: [\"*\"]\nrules:\n"
                      "  - {name: r, match: {type: [x]}, to: %s}\n",
                      team, owner, topic));
}

class RuleControlTest : public testing::Test {
 protected:
  RuleControlTest() : board_({}, &clock_), metrics_({}, &clock_) {
    PreflightOptions options;
    options.source_topic = "events";
    options.dead_letter_topic = "events.dead-letter";
    control_ = std::make_unique<RuleControl>(
        options, router::StateSettings(),
        RuleControlParts{&admin_, &clock_, &feed_, &board_, &metrics_});
  }

  absl::Status Look(const std::vector<Team>& teams, const std::vector<RefusedFile>& refused = {}) {
    control_->Take(teams, refused);
    return control_->Look();
  }

  // "team -> topic" of all that is in force.
  std::vector<std::string> InForce() const {
    std::vector<std::string> lines;
    if (feed_.Current() == nullptr) return lines;
    for (const auto& destination : feed_.Current()->destinations()) {
      for (const std::string& team : destination.teams) {
        lines.push_back(team + " -> " + destination.topic);
      }
    }
    return lines;
  }
  json Status() const { return json::parse(StatusJson(board_.View()))["rules"]; }
  bool HasLine(const std::string& line) const {
    return metrics_.Text().find("\n" + line + "\n") != std::string::npos;
  }

  support::SimulatedClock clock_;
  FakeAdmin admin_;
  RuleFeed feed_;
  StatusBoard board_;
  Metrics metrics_;
  std::unique_ptr<RuleControl> control_;
};

TEST_F(RuleControlTest, TeamsThatComeChangeAndGoMakeANewRuleSet) {
  ASSERT_TRUE(Look({To("a", "t.1"), To("b", "t.2")}).ok());
  EXPECT_THAT(InForce(), ElementsAre("a -> t.1", "b -> t.2"));
  ASSERT_TRUE(Look({To("a", "t.1"), To("b", "t.3"), To("c", "t.4")}).ok());
  EXPECT_THAT(InForce(), ElementsAre("a -> t.1", "b -> t.3", "c -> t.4"));
  ASSERT_TRUE(Look({To("b", "t.3"), To("c", "t.4")}).ok());
  EXPECT_THAT(InForce(), ElementsAre("b -> t.3", "c -> t.4"));
  EXPECT_EQ(feed_.version(), 3u);
  EXPECT_EQ(Status()["hash"], feed_.Current()->hash());
  EXPECT_EQ(Status()["teams"], json::parse(R"([{"team": "b", "rules": 1},
                                               {"team": "c", "rules": 1}])"));
  EXPECT_TRUE(HasLine("turnout_rule_set_rules 2"));
  EXPECT_TRUE(HasLine("turnout_rule_set_version 3"));
  EXPECT_TRUE(HasLine("turnout_rule_set_info{hash=\"" + feed_.Current()->hash() + "\"} 1"));
}

TEST_F(RuleControlTest, WhatChangesNoRouteIsNotPublishedAndAsksNoBroker) {
  ASSERT_TRUE(Look({To("a", "t")}).ok());
  const int questions = admin_.questions;
  ASSERT_TRUE(Look({To("a", "t", "somebody@example.com")}).ok());
  EXPECT_EQ(feed_.version(), 1u);
  EXPECT_EQ(admin_.questions, questions);
}

TEST_F(RuleControlTest, AChangedTeamKeepsItsRulesUntilTheNewOnesMayTakeEffect) {
  ASSERT_TRUE(Look({To("a", "old"), To("b", "t")}).ok());
  admin_.missing = {"new"};
  ASSERT_TRUE(Look({To("a", "new"), To("b", "t")}).ok());
  EXPECT_THAT(InForce(), ElementsAre("a -> old", "b -> t"));
  EXPECT_TRUE(control_->teams_stand_aside());
  json aside = Status()["standing_aside"];
  ASSERT_EQ(aside.size(), 1u);
  EXPECT_EQ(aside[0]["team"], "a");
  EXPECT_EQ(aside[0]["destination"], "new");
  EXPECT_EQ(aside[0]["previous_in_force"], true);
  EXPECT_TRUE(HasLine("turnout_team_aside{team=\"a\"} 1"));

  admin_.missing.clear();
  ASSERT_TRUE(control_->Look().ok());
  EXPECT_THAT(InForce(), ElementsAre("a -> new", "b -> t"));
  EXPECT_FALSE(control_->teams_stand_aside());
  EXPECT_THAT(Status()["standing_aside"], IsEmpty());
  EXPECT_FALSE(HasLine("turnout_team_aside{team=\"a\"} 1"));
}

TEST_F(RuleControlTest, AChangeThatIsTakenBackStandsAsideNoMore) {
  ASSERT_TRUE(Look({To("a", "old")}).ok());
  admin_.missing = {"new"};
  ASSERT_TRUE(Look({To("a", "new")}).ok());
  ASSERT_TRUE(Look({To("a", "old")}).ok());
  EXPECT_FALSE(control_->teams_stand_aside());
  EXPECT_THAT(Status()["standing_aside"], IsEmpty());
  EXPECT_EQ(feed_.version(), 1u);
}

TEST_F(RuleControlTest, ANewTeamWithoutItsDestinationMovesNobody) {
  ASSERT_TRUE(Look({To("a", "t")}).ok());
  admin_.missing = {"new"};
  ASSERT_TRUE(Look({To("a", "t"), To("b", "new")}).ok());
  EXPECT_EQ(feed_.version(), 1u);
  EXPECT_EQ(Status()["standing_aside"][0]["previous_in_force"], false);
  ASSERT_TRUE(Look({To("a", "t")}).ok());  // its file is gone
  EXPECT_THAT(Status()["standing_aside"], IsEmpty());
}

TEST_F(RuleControlTest, WhereOutputsCanBeParkedATeamWithoutRulesFromBeforeTakesEffect) {
  control_->UseParking();
  admin_.missing = {"ill", "new"};
  ASSERT_TRUE(Look({To("a", "ill"), To("b", "t"), To("c", "events")}).ok());
  EXPECT_THAT(InForce(), ElementsAre("a -> ill", "b -> t"));
  ASSERT_EQ(Status()["standing_aside"].size(), 1u);  // waiting does not cure a loop
  EXPECT_EQ(Status()["standing_aside"][0]["team"], "c");
  ASSERT_TRUE(Look({To("a", "ill"), To("b", "new")}).ok());
  EXPECT_THAT(InForce(), ElementsAre("a -> ill", "b -> t"));
  EXPECT_EQ(Status()["standing_aside"][0]["previous_in_force"], true);
}

TEST_F(RuleControlTest, WithoutBrokersATeamThatIsGoneGoesAndAChangeWaits) {
  ASSERT_TRUE(Look({To("a", "old"), To("b", "t")}).ok());
  admin_.away = true;
  EXPECT_TRUE(absl::IsUnavailable(Look({To("a", "new")})));
  EXPECT_THAT(InForce(), ElementsAre("a -> old"));
  EXPECT_TRUE(control_->teams_stand_aside());
  admin_.away = false;
  ASSERT_TRUE(control_->Look().ok());
  EXPECT_THAT(InForce(), ElementsAre("a -> new"));
}

TEST_F(RuleControlTest, RefusedFilesAreShownUntilTheyAreMended) {
  const RefusedFile bad = {"rules/b.yaml", {{.what = "it is bad", .cure = "mend it"}}};
  ASSERT_TRUE(Look({To("a", "t")}, {bad}).ok());
  ASSERT_EQ(Status()["refused"].size(), 1u);
  EXPECT_THAT(Status()["refused"][0]["problems"][0].get<std::string>(),
              HasSubstr("rules/b.yaml:1:1: it is bad (mend it)"));
  EXPECT_TRUE(HasLine("turnout_rule_file_refused{file=\"rules/b.yaml\"} 1"));
  ASSERT_TRUE(Look({To("a", "t"), To("b", "t")}).ok());
  EXPECT_THAT(Status()["refused"], IsEmpty());
  EXPECT_FALSE(HasLine("turnout_rule_file_refused{file=\"rules/b.yaml\"} 1"));
  EXPECT_EQ(feed_.version(), 2u);
}

// It may be of a team whose rules remember.
TEST_F(RuleControlTest, WhileAFileIsRefusedNoStateForgetsAnything) {
  const RefusedFile bad = {"rules/b.yaml", {{.what = "it is bad", .cure = "mend it"}}};
  ASSERT_TRUE(Look({To("a", "t")}, {bad}).ok());
  EXPECT_TRUE(feed_.Current()->keeps_all_steps());
  ASSERT_TRUE(Look({To("a", "t"), To("b", "t")}).ok());
  EXPECT_FALSE(feed_.Current()->keeps_all_steps());
}

TEST_F(RuleControlTest, OnceTheRefusedFileIsGoneStatesForgetWhatIsNobodys) {
  const RefusedFile bad = {"rules/b.yaml", {{.what = "it is bad", .cure = "mend it"}}};
  ASSERT_TRUE(Look({To("a", "t")}, {bad}).ok());
  ASSERT_TRUE(feed_.Current()->keeps_all_steps());
  ASSERT_TRUE(Look({To("a", "t")}).ok());
  EXPECT_FALSE(feed_.Current()->keeps_all_steps());
  EXPECT_EQ(feed_.version(), 2u);
  // One that comes and goes while all is in force changes nothing.
  ASSERT_TRUE(Look({To("a", "t")}, {bad}).ok());
  ASSERT_TRUE(Look({To("a", "t")}).ok());
  EXPECT_EQ(feed_.version(), 2u);
}

TEST_F(RuleControlTest, WhatOlderRulesHaveRekeyedIsWaitedForByWorkers) {
  ASSERT_TRUE(Look({To("a", "t")}).ok());
  EXPECT_FALSE(control_->rekeys()) << "the topic has no name here";
  PreflightOptions options;
  options.source_topic = "events";
  options.dead_letter_topic = "events.dead-letter";
  options.rekey_topic = "turnout.rekey";
  for (const bool is_there : {false, true}) {
    admin_.missing = is_there ? std::set<std::string>() : std::set<std::string>{"turnout.rekey"};
    RuleControl control(options, router::StateSettings(),
                        RuleControlParts{&admin_, &clock_, &feed_, &board_, &metrics_});
    control.Take({To("a", "t")}, {});
    ASSERT_TRUE(control.Look().ok());
    EXPECT_EQ(control.rekeys(), is_there);
  }
}

TEST_F(RuleControlTest, HowManyPartitionsTheSourceHasIsToldAndAskedForAgain) {
  const auto told = [&] { return json::parse(StatusJson(board_.View()))["source_partitions"]; };
  EXPECT_TRUE(told().is_null());
  ASSERT_TRUE(Look({To("a", "t")}).ok());
  EXPECT_EQ(told(), 3);
  admin_.partitions = 5;
  control_->LookAtTopics();
  EXPECT_EQ(told(), 5);
  admin_.missing = {"events"};
  control_->LookAtTopics();
  EXPECT_EQ(told(), 5) << "of a topic that is not seen nothing is known";
  admin_.away = true;
  control_->LookAtTopics();
  EXPECT_EQ(told(), 5);
}

TEST_F(RuleControlTest, BeforeTheFirstRuleSetFilesMayStillChange) {
  admin_.missing = {"t"};
  ASSERT_TRUE(Look({To("a", "t")}).ok());
  EXPECT_FALSE(control_->ready());
  ASSERT_TRUE(Look({To("a", "u")}).ok());
  EXPECT_TRUE(control_->ready());
  EXPECT_THAT(InForce(), ElementsAre("a -> u"));
}

TEST_F(RuleControlTest, WhenTheLastTeamIsGoneNothingIsRouted) {
  ASSERT_TRUE(Look({To("a", "t")}).ok());
  ASSERT_TRUE(Look({}).ok());
  EXPECT_THAT(InForce(), IsEmpty());
  EXPECT_EQ(feed_.version(), 2u);
}

TEST(RuleFeed, AReplacedRuleSetGoesWhenItIsReclaimedAndNobodyHoldsIt) {
  RuleFeed feed;
  feed.Publish(router::RuleSet::Build({To("a", "t")}));
  std::shared_ptr<const router::RuleSet> held = feed.Current();
  const std::weak_ptr<const router::RuleSet> first = held;
  feed.Publish(router::RuleSet::Build({To("b", "t")}));
  feed.Reclaim();
  EXPECT_FALSE(first.expired());
  held.reset();  // as a worker lets go: nothing is destroyed here
  EXPECT_FALSE(first.expired());
  feed.Reclaim();
  EXPECT_TRUE(first.expired());
  EXPECT_EQ(feed.Current()->rules()[0].id, "b/r");
}

}  // namespace
}  // namespace turnout::runtime

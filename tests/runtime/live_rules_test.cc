#include "runtime/live_rules.h"

#include <filesystem>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/pipeline_json.h"
#include "runtime/rules_page.h"
#include "tests/support/fake_rule_origin.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using nlohmann::json;
using support::OneRuleText;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Every topic is there but those that are missing.
class FakeAdmin : public connectors::TopicAdmin {
 public:
  absl::StatusOr<std::vector<connectors::TopicDescription>> Describe(
      absl::Span<const std::string> topics, bool, absl::Duration) override {
    std::vector<connectors::TopicDescription> described;
    for (const std::string& topic : topics) {
      described.push_back({.topic = topic,
                           .state = missing.count(topic) > 0
                                        ? connectors::TopicDescription::State::kMissing
                                        : connectors::TopicDescription::State::kReady});
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
};

// One life of a process; the directory outlives it.
class Life {
 public:
  explicit Life(const std::string& directory, bool is_remote = true)
      : board({}, &clock), metrics({}, &clock) {
    PreflightOptions options;
    options.source_topic = "events";
    options.dead_letter_topic = "events.dead-letter";
    control =
        std::make_unique<RuleControl>(options, router::StateSettings(),
                                      RuleControlParts{&admin, &clock, &feed, &board, &metrics});
    reporter = std::make_unique<RuleReporter>(
        "https://config/reports", [this](const std::string& report, const std::atomic<bool>&) {
          absl::MutexLock lock(&mu);
          reports.push_back(json::parse(report));
          return absl::OkStatus();
        });
    rules = std::make_unique<LiveRules>(LiveRulesOptions{.history_directory = directory + "/rules",
                                                         .instance = "router-0",
                                                         .group = "g",
                                                         .is_remote = is_remote},
                                        LiveRulesParts{&origin, control.get(), &feed, &board,
                                                       &metrics, reporter.get(), &clock, [] {}});
  }

  // As the control thread does it.
  void Turn() {
    rules->Look();
    if (rules->has_rules()) {
      ASSERT_TRUE(control->Look().ok());
    }
    rules->Settle();
  }
  absl::Status Start() {
    const absl::Status started = rules->Start();
    if (started.ok()) Turn();
    return started;
  }
  // Asks on a thread of its own, as the admin API does, while this one turns.
  template <typename Ask>
  auto While(const Ask& ask) {
    auto answer = std::async(std::launch::async, ask);
    while (answer.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) Turn();
    Turn();
    return answer.get();
  }
  absl::StatusOr<std::string> RollBack(const std::string& to = "") {
    return While([&] { return rules->RollBack(to); });
  }
  absl::Status Resume() {
    return While([&] { return rules->Resume(); });
  }

  // "team -> topic" of all that is in force.
  std::vector<std::string> InForce() const {
    std::vector<std::string> lines;
    if (feed.Current() == nullptr) return lines;
    for (const auto& destination : feed.Current()->destinations()) {
      for (const std::string& team : destination.teams) {
        lines.push_back(team + " -> " + destination.topic);
      }
    }
    return lines;
  }
  std::string Hash() const { return feed.Current()->hash(); }
  json Page() const { return json::parse(RulesPageJson(board.View())); }
  json Report(size_t number) {
    const absl::Time give_up = absl::Now() + absl::Seconds(20);
    for (; absl::Now() < give_up; absl::SleepFor(absl::Milliseconds(1))) {
      absl::MutexLock lock(&mu);
      if (reports.size() > number) return reports[number];
    }
    return {};
  }

  support::SimulatedClock clock;
  FakeAdmin admin;
  support::FakeRuleOrigin origin;
  RuleFeed feed;
  StatusBoard board;
  Metrics metrics;
  absl::Mutex mu;
  std::vector<json> reports;
  std::unique_ptr<RuleControl> control;
  std::unique_ptr<RuleReporter> reporter;
  std::unique_ptr<LiveRules> rules;
};

class LiveRulesTest : public testing::Test {
 protected:
  const std::string& path() const { return directory_.path(); }

  const support::TempDirectory directory_;
};

TEST_F(LiveRulesTest, WhatTheOriginHasTakesEffectAndIsShown) {
  Life life(path());
  life.origin.Put("\"1\"", {{"a.yaml", OneRuleText("a", "t.1")}, {"b.yaml", "no rules"}});
  ASSERT_TRUE(life.Start().ok());
  EXPECT_THAT(life.InForce(), ElementsAre("a -> t.1"));
  const json page = life.Page();
  EXPECT_EQ(page["rule_set"], life.Hash());
  EXPECT_EQ(page["origin"]["reachable"], true);
  EXPECT_EQ(page["origin"]["version"], "\"1\"");
  EXPECT_EQ(page["from_disk"], false);
  EXPECT_EQ(page["teams"], json::parse(R"([{"team": "a", "rules": 1}])"));
  const json& problem = page["refused"][0]["problems"][0];
  EXPECT_EQ(page["refused"][0]["file"], "b.yaml");
  EXPECT_EQ(problem["line"], 1);
  EXPECT_NE(problem["reason"], "");
  EXPECT_NE(problem["cure"], "");
  EXPECT_EQ(page["versions"][0]["rule_set"], life.Hash());
  EXPECT_EQ(page["rollback"], json());
}

TEST_F(LiveRulesTest, WhatBecameOfAVersionIsReported) {
  Life life(path());
  life.admin.missing = {"t.2"};
  life.origin.Put("\"1\"", {{"a.yaml", OneRuleText("a", "t.1")},
                            {"b.yaml", OneRuleText("b", "t.2")},
                            {"c.yaml", "no rules"}});
  ASSERT_TRUE(life.Start().ok());
  const json refused = life.Report(0);
  EXPECT_EQ(refused["instance"], "router-0");
  EXPECT_EQ(refused["group"], "g");
  EXPECT_EQ(refused["version"], "\"1\"");
  EXPECT_EQ(refused["ok"], false);
  EXPECT_EQ(refused["rule_set"], life.Hash());
  EXPECT_EQ(refused["teams"][0]["team"], "a");
  EXPECT_EQ(refused["standing_aside"][0]["team"], "b");
  EXPECT_EQ(refused["refused"][0]["file"], "c.yaml");
  life.Turn();
  life.origin.Put("\"2\"", {{"a.yaml", OneRuleText("a", "t.1")}});
  life.Turn();
  const json taken = life.Report(1);
  EXPECT_EQ(taken["version"], "\"2\"");
  EXPECT_EQ(taken["ok"], true);
  EXPECT_THAT(taken["refused"], IsEmpty());
}

TEST_F(LiveRulesTest, WithItsOriginAwayItStartsFromDisk) {
  std::string hash;
  {
    Life life(path());
    life.origin.Put("\"1\"", {{"a.yaml", OneRuleText("a", "t.1")}});
    ASSERT_TRUE(life.Start().ok());
    hash = life.Hash();
  }
  Life life(path());
  ASSERT_TRUE(life.Start().ok());
  EXPECT_THAT(life.InForce(), IsEmpty()) << "its first answer is waited for";
  EXPECT_THAT(life.board.Ready().reasons, ElementsAre(HasSubstr("no rules yet from http")));
  life.origin.Fail("connection refused");
  life.Turn();
  EXPECT_EQ(life.Hash(), hash);
  EXPECT_EQ(life.Page()["from_disk"], true);
  EXPECT_EQ(life.Page()["origin"]["problem"], "connection refused");
  EXPECT_EQ(life.Page()["origin"]["reachable"], false);
  EXPECT_EQ(json::parse(StatusJson(life.board.View()))["rules"]["from_disk"], true);
  EXPECT_THAT(life.metrics.Text(), HasSubstr("\nturnout_rules_from_disk 1\n"));

  life.origin.Put("\"1\"", {{"a.yaml", OneRuleText("a", "t.1")}});
  life.Turn();
  EXPECT_EQ(life.Page()["from_disk"], false);
  EXPECT_EQ(life.feed.version(), 1u) << "nothing changed";
  life.origin.Put("\"2\"", {{"a.yaml", OneRuleText("a", "t.2")}});
  life.Turn();
  EXPECT_THAT(life.InForce(), ElementsAre("a -> t.2"));
}

TEST_F(LiveRulesTest, AnOriginThatKeepsSilentIsWaitedForNoLongerThanItsPatience) {
  {
    Life life(path());
    life.origin.Put("\"1\"", {{"a.yaml", OneRuleText("a", "t.1")}});
    ASSERT_TRUE(life.Start().ok());
  }
  Life life(path());
  ASSERT_TRUE(life.Start().ok());
  life.clock.Advance(LiveRules::kPatience - absl::Seconds(1));
  life.Turn();
  EXPECT_THAT(life.InForce(), IsEmpty());
  life.clock.Advance(absl::Seconds(1));
  life.Turn();
  EXPECT_THAT(life.InForce(), ElementsAre("a -> t.1"));
}

TEST_F(LiveRulesTest, WithNothingOnDiskItWaitsForItsOrigin) {
  Life life(path());
  life.origin.Fail("connection refused");
  ASSERT_TRUE(life.Start().ok());
  life.clock.Advance(absl::Minutes(1));
  life.Turn();
  EXPECT_THAT(life.board.Ready().reasons, ElementsAre(HasSubstr("connection refused")));
  life.origin.Put("\"1\"", {{"a.yaml", OneRuleText("a", "t.1")}});
  life.Turn();
  EXPECT_THAT(life.InForce(), ElementsAre("a -> t.1"));
}

TEST_F(LiveRulesTest, ADamagedDiskIsToldAndNotUsed) {
  {
    Life life(path());
    life.origin.Put("\"1\"", {{"a.yaml", OneRuleText("a", "t.1")}});
    ASSERT_TRUE(life.Start().ok());
  }
  directory_.Write("rules/versions", "not what it was\n");
  Life life(path());
  life.origin.Fail("connection refused");
  ASSERT_TRUE(life.Start().ok());
  EXPECT_THAT(life.InForce(), IsEmpty());
  EXPECT_THAT(life.Page()["disk_problem"].get<std::string>(), HasSubstr("is damaged"));
  life.origin.Put("\"1\"", {{"a.yaml", OneRuleText("a", "t.1")}});
  life.Turn();
  EXPECT_THAT(life.InForce(), ElementsAre("a -> t.1"));
  EXPECT_EQ(life.Page()["disk_problem"], "") << "it is kept again";
}

TEST_F(LiveRulesTest, AFileThatIsBadAfterARestartKeepsItsTeamsLastGoodRules) {
  {
    Life life(path(), /*is_remote=*/false);
    life.origin.Put("", {{"a.yaml", OneRuleText("a", "t.1")}, {"b.yaml", OneRuleText("b", "t.2")}});
    ASSERT_TRUE(life.Start().ok());
  }
  Life life(path(), /*is_remote=*/false);
  life.origin.Put("", {{"a.yaml", "no rules"}, {"b.yaml", OneRuleText("b", "t.3")}});
  ASSERT_TRUE(life.Start().ok());
  EXPECT_THAT(life.InForce(), ElementsAre("a -> t.1", "b -> t.3"));
  EXPECT_EQ(life.Page()["from_disk"], false);
}

TEST_F(LiveRulesTest, OneCallGoesBackUntilThereIsAnotherVersion) {
  std::string first;
  {
    Life life(path());
    life.origin.Put("\"1\"", {{"a.yaml", OneRuleText("a", "t.1")}});
    ASSERT_TRUE(life.Start().ok());
    first = life.Hash();
    EXPECT_TRUE(absl::IsNotFound(life.RollBack().status())) << "there is none before";
    life.origin.Put("\"2\"", {{"a.yaml", OneRuleText("a", "t.2")}});
    life.Turn();
    const std::string second = life.Hash();
    EXPECT_EQ(life.RollBack().value_or(""), first);
    EXPECT_EQ(life.Hash(), first);
    EXPECT_EQ(life.Page()["rollback"]["to"], first);
    EXPECT_EQ(life.Page()["rollback"]["from"], second);
    EXPECT_EQ(json::parse(StatusJson(life.board.View()))["rules"]["rolled_back_to"], first);
    EXPECT_THAT(life.metrics.Text(), HasSubstr("\nturnout_rules_rolled_back 1\n"));
  }
  Life life(path());  // the origin is as it was
  life.origin.Put("\"2\"", {{"a.yaml", OneRuleText("a", "t.2")}});
  ASSERT_TRUE(life.Start().ok());
  EXPECT_EQ(life.Hash(), first) << "it stays over a restart";
  life.origin.Put("\"3\"", {{"a.yaml", OneRuleText("a", "t.3")}});
  life.Turn();
  EXPECT_THAT(life.InForce(), ElementsAre("a -> t.3"));
  EXPECT_EQ(life.Page()["rollback"], json());
  EXPECT_EQ(life.RollBack().value_or(""), first) << "what was gone back to was in force before";
}

TEST_F(LiveRulesTest, WhatWasGoneBackToStaysWhileTheOriginIsAwayAtARestart) {
  std::string first;
  {
    Life life(path());
    life.origin.Put("\"1\"", {{"a.yaml", OneRuleText("a", "t.1")}});
    ASSERT_TRUE(life.Start().ok());
    first = life.Hash();
    life.origin.Put("\"2\"", {{"a.yaml", OneRuleText("a", "t.2")}});
    life.Turn();
    ASSERT_TRUE(life.RollBack().ok());
  }
  Life life(path());
  life.origin.Fail("connection refused");
  ASSERT_TRUE(life.Start().ok());
  EXPECT_EQ(life.Hash(), first);
  EXPECT_TRUE(absl::IsFailedPrecondition(life.Resume())) << "nobody knows what the origin has";
  life.origin.Put("\"2\"", {{"a.yaml", OneRuleText("a", "t.2")}});
  life.Turn();
  EXPECT_EQ(life.Hash(), first);
}

TEST_F(LiveRulesTest, ResumeGoesOnWithWhatTheOriginHas) {
  Life life(path());
  for (const char* topic : {"t.1", "t.2", "t.3"}) {
    life.origin.Put("v", {{"a.yaml", OneRuleText("a", topic)}});
    if (life.feed.Current() == nullptr) {
      ASSERT_TRUE(life.Start().ok());
    }
    life.Turn();
  }
  const std::string oldest = life.Page()["versions"][2]["rule_set"];
  EXPECT_TRUE(absl::IsFailedPrecondition(life.Resume())) << "nothing was gone back from";
  EXPECT_EQ(life.RollBack(oldest).value_or(""), oldest);
  EXPECT_THAT(life.InForce(), ElementsAre("a -> t.1"));
  EXPECT_TRUE(absl::IsNotFound(life.RollBack("0123456789abcdef").status()));
  ASSERT_TRUE(life.Resume().ok());
  EXPECT_THAT(life.InForce(), ElementsAre("a -> t.3"));
  EXPECT_EQ(life.Page()["rollback"], json());
}

TEST_F(LiveRulesTest, NoRulesAtAllAreRefusedWhereNobodyCanBringSome) {
  Life life(path(), /*is_remote=*/false);
  life.origin.Put("", {{"a.yaml", "no rules"}});
  const absl::Status started = life.Start();
  EXPECT_TRUE(absl::IsInvalidArgument(started));
  EXPECT_THAT(std::string(started.message()), HasSubstr("a.yaml:1:"));
}

}  // namespace
}  // namespace turnout::runtime

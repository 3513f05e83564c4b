#include "runtime/status_board.h"

#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/log.h"
#include "runtime/pipeline_json.h"
#include "tests/support/simulated_clock.h"

namespace turnout::runtime {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class StatusBoardTest : public testing::Test {
 protected:
  static PipelineFacts Facts() {
    PipelineFacts facts;
    facts.version = "1.2.3";
    facts.instance = "router-0";
    facts.source_topic = "events";
    facts.workers = 2;
    return facts;
  }
  void RunAll() {
    board.SetWaitingFor({});
    board.SetBrokers("c", true, "");
    for (int i = 0; i < 2; ++i) {
      board.OnTurn(i);
      board.OnStatus({.worker = i, .state = WorkerState::kRunning});
    }
  }

  support::SimulatedClock clock;
  StatusBoard board{Facts(), &clock};
};

TEST_F(StatusBoardTest, ItIsAliveButNotReadyWhileStarting) {
  EXPECT_TRUE(board.Alive().ok);
  EXPECT_FALSE(board.Ready().ok);
  EXPECT_THAT(board.Ready().reasons, ElementsAre("starting"));
}

TEST_F(StatusBoardTest, ItIsReadyOnceAllWorkersRunAndBrokersAnswer) {
  RunAll();
  EXPECT_TRUE(board.Ready().ok) << HealthJson(board.Ready());
  EXPECT_EQ(HealthJson(board.Ready()), "{\"ok\":true}\n");
}

TEST_F(StatusBoardTest, SecretsAreInNoAnswerAndLeaveItValid) {
  HideInLog("s3cret\"quoted");
  board.SetWaitingFor({"no such topic: s3cret\"quoted"});
  for (const std::string& body : {StatusJson(board.View()), HealthJson(board.Ready())}) {
    EXPECT_THAT(json::parse(body)["reasons"], ElementsAre("no such topic: [secret]"));
  }
}

TEST_F(StatusBoardTest, EachThingThatIsWaitedForIsAReason) {
  RunAll();
  board.SetWaitingFor({"source topic events does not exist"});
  EXPECT_THAT(board.Ready().reasons, ElementsAre("source topic events does not exist"));
  board.SetWaitingFor({});
  board.SetBrokers("c", false, "connection refused");
  EXPECT_THAT(board.Ready().reasons, ElementsAre(HasSubstr("connection refused")));
  board.SetBrokers("c", true, "");
  board.OnStatus({.worker = 1, .state = WorkerState::kWaiting, .reason = "rebalancing"});
  EXPECT_THAT(board.Ready().reasons, ElementsAre("worker 1 is waiting: rebalancing"));
  board.OnStatus({.worker = 1, .state = WorkerState::kRunning});
  board.SetStopping();
  EXPECT_THAT(board.Ready().reasons, ElementsAre("stopping"));
}

TEST_F(StatusBoardTest, APartitionThatStandsStillIsNamedWithItsTopic) {
  RunAll();
  board.OnStatus(
      {.worker = 1,
       .state = WorkerState::kRunning,
       .topic = "events.rekey",
       .partitions = {{.partition = 3},
                      {.partition = 5, .phase = TaskPhase::kRefused, .reason = "state gap"}}});
  EXPECT_THAT(board.Ready().reasons,
              ElementsAre("events.rekey, partition 5 stands still: state gap"));
}

TEST_F(StatusBoardTest, AWorkerThatDoesNotTurnIsStuck) {
  RunAll();
  clock.Advance(absl::Seconds(60));
  EXPECT_TRUE(board.Alive().ok);
  board.OnTurn(0);
  clock.Advance(absl::Seconds(1));
  EXPECT_THAT(board.Alive().reasons, ElementsAre("worker 1 has not turned for 61 seconds"));
  EXPECT_FALSE(board.Ready().ok);
  board.OnEnd(1);
  EXPECT_TRUE(board.Alive().ok);
}

TEST_F(StatusBoardTest, AChangeOfBrokersIsToldOnce) {
  EXPECT_TRUE(board.SetBrokers("a", true, ""));
  EXPECT_FALSE(board.SetBrokers("b", true, ""));
  EXPECT_TRUE(board.SetBrokers("a", false, "gone"));
  EXPECT_FALSE(board.SetBrokers("b", false, "gone"));
  EXPECT_FALSE(board.SetBrokers("b", true, ""));
  EXPECT_TRUE(board.SetBrokers("a", true, ""));
}

TEST_F(StatusBoardTest, AChangeOfWhatIsWaitedForIsToldOnce) {
  EXPECT_TRUE(board.SetWaitingFor({"a"}));
  EXPECT_FALSE(board.SetWaitingFor({"a"}));
  EXPECT_TRUE(board.SetWaitingFor({"a", "b"}));
  EXPECT_TRUE(board.SetWaitingFor({}));
}

TEST_F(StatusBoardTest, ADestinationThatIsWellAgainIsNoNewsAnyMore) {
  board.OnDestinationUnavailable("d1", "it may not be written");
  board.OnDestinationUnavailable("d2", "it may not be written");
  WorkerStatus status = {.worker = 0, .state = WorkerState::kRunning};
  status.bulkheads = {{.destination = "d1"}};
  board.OnStatus(status);
  EXPECT_EQ(board.View().unavailable.size(), 2u);
  status.bulkheads.clear();
  board.OnStatus(status);
  const PipelineView view = board.View();
  ASSERT_EQ(view.unavailable.size(), 1u);
  EXPECT_EQ(view.unavailable[0].topic, "d2");
}

TEST_F(StatusBoardTest, TheStatusTellsPartitionsTeamsAndTrouble) {
  RunAll();
  board.OnStatus(
      {.worker = 0,
       .state = WorkerState::kRunning,
       .rule_set_hash = "abc",
       .partitions = {{.partition = 3, .next_offset = 10, .end_offset = 15}, {.partition = 4}}});
  board.OnOutcome(1, TransactionOutcome::kFenced, absl::FailedPreconditionError("newer owner"));
  board.OnDestinationUnavailable("d1", "first");
  board.OnDestinationUnavailable("d1", "second");
  RulesStatus rules;
  rules.hash = "abc";
  rules.published = clock.Now();
  rules.teams = {{"fraud", 2}};
  rules.rollouts = {{"fraud/new", 12.5, true}};
  rules.aside = {{"ads", "ads.clicks", "does not exist", "create it"}};
  rules.refused = {{"x.yaml", {"x.yaml:1:2: bad"}}};
  board.SetRules(rules);
  board.SetTables({{.name = "merchants", .refused = true, .problem = "it takes too much"}});
  EXPECT_TRUE(board.SetSink({"batch", "new brokers"}));
  EXPECT_TRUE(board.SetSink({"librdkafka", "Kerberos"}));
  EXPECT_FALSE(board.SetSink({"librdkafka", "Kerberos"}));
  clock.Advance(absl::Seconds(90));

  const json status = json::parse(StatusJson(board.View()));
  EXPECT_EQ(status["version"], "1.2.3");
  EXPECT_EQ(status["uptime_seconds"], 90);
  EXPECT_EQ(status["sink"]["kind"], "librdkafka");
  EXPECT_EQ(status["sink"]["why"], "Kerberos");
  EXPECT_EQ(status["rules"]["hash"], "abc");
  EXPECT_EQ(status["rules"]["teams"][0]["team"], "fraud");
  EXPECT_EQ(status["rules"]["rollouts"].dump(),
            R"([{"mode":"shadow","percent":12.5,"rule":"fraud/new"}])");
  EXPECT_EQ(status["rules"]["standing_aside"][0]["destination"], "ads.clicks");
  EXPECT_EQ(status["rules"]["refused"][0]["problems"][0], "x.yaml:1:2: bad");
  EXPECT_EQ(status["tables"][0]["table"], "merchants");
  EXPECT_EQ(status["tables"][0]["refused"], true);
  EXPECT_EQ(status["tables"][0]["problem"], "it takes too much");
  EXPECT_EQ(status["destinations_unavailable"].size(), 1u);
  EXPECT_EQ(status["destinations_unavailable"][0]["reason"], "second");
  const json& partitions = status["workers"][0]["partitions"];
  EXPECT_EQ(partitions[0]["lag"], 5);
  EXPECT_TRUE(partitions[1]["lag"].is_null());
  EXPECT_TRUE(partitions[1]["last_event"].is_null());
  EXPECT_EQ(status["workers"][1]["last_trouble"]["outcome"], "fenced");
  EXPECT_EQ(status["workers"][1]["last_trouble"]["why"], "newer owner");
}

TEST_F(StatusBoardTest, WhatWasDoneInTheLastMinutesIsCountedAndForgotten) {
  TransactionReport report;
  report.events = 100;
  report.parked = 4;
  report.dead_letters = {{"unreadable", 2}, {"too_large", 1}};
  board.OnTransaction(report);
  clock.Advance(absl::Minutes(2));
  board.OnTransaction(report);
  board.OnOutcome(0, TransactionOutcome::kRetried, absl::UnavailableError("again"));
  board.OnOutcome(0, TransactionOutcome::kAborted, absl::AbortedError("redone"));
  const auto recent = [&] { return json::parse(StatusJson(board.View()))["recent"]; };
  EXPECT_EQ(recent(), json::parse(R"({"events": 200, "dead_letters": 6, "parked": 8,
                                      "transactions": 2, "failed_transactions": 1})"));
  clock.Advance(absl::Minutes(4));
  EXPECT_EQ(recent(), json::parse(R"({"events": 100, "dead_letters": 3, "parked": 4,
                                      "transactions": 1, "failed_transactions": 1})"));
  clock.Advance(absl::Minutes(5));
  EXPECT_EQ(recent()["events"], 0);
}

TEST_F(StatusBoardTest, WordsThatAreNotUtf8DoNotBreakTheStatus) {
  board.OnDestinationUnavailable("d\xff", "\xc3\x28 \"quoted\" \n");
  board.SetWaitingFor({"\xfe"});
  EXPECT_FALSE(json::parse(StatusJson(board.View()))["ready"]);
  EXPECT_FALSE(json::parse(HealthJson(board.Ready()))["ok"]);
}

TEST_F(StatusBoardTest, OfDestinationsFoundUnavailableTheLatestHundredAreKept) {
  for (int i = 0; i < 250; ++i) board.OnDestinationUnavailable(std::to_string(i), "gone");
  const json status = json::parse(StatusJson(board.View()));
  EXPECT_EQ(status["destinations_unavailable"].size(), 100u);
  EXPECT_EQ(status["destinations_unavailable"][99]["destination"], "249");
}

}  // namespace
}  // namespace turnout::runtime

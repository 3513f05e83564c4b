#include "runtime/pipeline_observer.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/log.h"
#include "runtime/pipeline_json.h"
#include "runtime/troubles.h"
#include "tests/support/simulated_clock.h"

namespace turnout::runtime {
namespace {

int Count(const std::string& text, const std::string& word) {
  int count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

class PipelineObserverTest : public testing::Test {
 protected:
  PipelineObserverTest() {
    StartLog({.json = true, .level = "info", .lines_per_second_max = 1'000});
    testing::internal::CaptureStderr();
  }
  ~PipelineObserverTest() override {
    if (!taken_) Logged();
  }
  std::string Logged() {
    taken_ = true;
    return testing::internal::GetCapturedStderr();
  }

  support::SimulatedClock clock_;
  StatusBoard board_{{}, &clock_};
  Metrics metrics_{{}, &clock_};
  PipelineObserver observer_{&board_, &metrics_, &clock_};
  bool taken_ = false;
};

TEST_F(PipelineObserverTest, AWorkersStateIsLoggedOnceAChange) {
  for (int i = 0; i < 5; ++i) {
    observer_.OnStatus(
        {.state = WorkerState::kWaiting, .reason = "timed out after " + std::to_string(i) + " ms"});
  }
  observer_.OnStatus({.state = WorkerState::kWaiting, .reason = "rebalancing"});
  observer_.OnStatus({.state = WorkerState::kRunning});
  observer_.OnStatus({.state = WorkerState::kRunning});
  EXPECT_EQ(Count(Logged(), "\"worker_state\""), 3);
}

TEST_F(PipelineObserverTest, ATokensTroubleIsLoggedOnceAndHoldsReadinessOnceItIsOver) {
  const auto reasons = [&] { return testing::PrintToString(board_.Ready().reasons); };
  EXPECT_EQ(Count(StatusJson(board_.View()), R"("token": null)"), 1) << "none was asked for";
  const TokenReport none = {.status = absl::UnavailableError("the provider is away")};
  observer_.OnToken(none);
  observer_.OnToken(none);
  EXPECT_EQ(Count(reasons(), "the provider is away"), 1);
  EXPECT_EQ(Count(StatusJson(board_.View()), R"("trouble": "the provider is away")"), 1);
  const absl::Time expires = clock_.Now() + absl::Seconds(10);
  observer_.OnToken({.expires = expires});
  observer_.OnToken({.status = none.status, .expires = expires});
  EXPECT_EQ(Count(reasons(), "the provider is away"), 0) << "the token at hand is good";
  clock_.Sleep(absl::Seconds(11));
  EXPECT_EQ(Count(reasons(), "the provider is away"), 1);
  const std::string logged = Logged();
  EXPECT_EQ(Count(logged, "\"token_not_fetched\""), 2);
  EXPECT_EQ(Count(logged, "\"token_fetched\""), 1);
}

TEST_F(PipelineObserverTest, PartitionsAreLoggedOnceAChange) {
  const WorkerStatus two = {.state = WorkerState::kRunning,
                            .topic = "events",
                            .partitions = {{.partition = 10}, {.partition = 2}}};
  observer_.OnStatus(two);
  observer_.OnStatus(two);
  observer_.OnStatus({.state = WorkerState::kRunning});
  const std::string logged = Logged();
  EXPECT_EQ(Count(logged, "has partitions 2,10 of events"), 1);
  EXPECT_EQ(Count(logged, "has no partitions"), 1);
}

TEST_F(PipelineObserverTest, APartitionIsNamedWithItsTopic) {
  observer_.OnTask(0, "events", 3, TaskPhase::kRefused, "state gap: a reason");
  observer_.OnTask(1, "events.rekey", 3, TaskPhase::kLive, "");
  observer_.OnOffsetsWentBack(0, "events", 4, 20, 10);
  const std::string logged = Logged();
  EXPECT_EQ(Count(logged, "partition 3 of events is refused: state gap: a reason"), 1);
  EXPECT_EQ(Count(logged, "partition 3 of events.rekey is live"), 1);
  EXPECT_EQ(Count(logged, "partition 4 of events was cut back"), 1);
  EXPECT_EQ(Count(logged, "\"topic\":\"events\""), 2);
}

TEST_F(PipelineObserverTest, BrokersThatAreAwayAreLoggedOnceHoweverManyClientsMissThem) {
  observer_.OnBrokers("a", true, "");
  observer_.OnBrokers("b", true, "");
  for (int i = 0; i < 3; ++i) {
    observer_.OnBrokers("a", false, "refused");
    observer_.OnBrokers("b", false, "refused");
    observer_.OnStatus({.state = WorkerState::kWaiting, .reason = i % 2 ? "this" : "that"});
  }
  observer_.OnBrokers("a", true, "");
  observer_.OnBrokers("b", true, "");
  const std::string logged = Logged();
  EXPECT_EQ(Count(logged, "\"brokers_unreachable\""), 1);
  EXPECT_EQ(Count(logged, "\"brokers_reachable\""), 2);
  EXPECT_EQ(Count(logged, "\"worker_state\""), 1);
  EXPECT_THAT(metrics_.Text(), testing::HasSubstr("turnout_brokers_reachable 1\n"));
}

TEST_F(PipelineObserverTest, AFailedConnectionIsLoggedOnceUntilBrokersWereReached) {
  const auto fail = [this](const std::string& client, const std::string& thread, int ms) {
    observer_.OnClientLog(3, client,
                          "FAIL: [thrd:" + thread + "]: " + thread +
                              ": Connect to ipv4#127.0.0.1:1 failed: Connection refused (after " +
                              std::to_string(ms) + "ms in state CONNECT)");
  };
  fail("a", "bootstrap", 0);
  fail("b", "GroupCoordinator: 127.0.0.1:1", 7);
  observer_.OnBrokers("a", true, "");
  fail("a", "bootstrap", 0);
  observer_.OnClientLog(3, "a", "FAIL: [thrd:x]: x: SSL handshake failed: wrong certificate");
  EXPECT_EQ(Count(Logged(), "\"kafka_client\""), 3);
}

TEST_F(PipelineObserverTest, ABrokerThatThrottlesIsLoggedOnceAWhileCountedAndATrouble) {
  board_.SetWaitingFor({});
  observer_.OnBrokers("a", true, "");
  for (int i = 0; i < 3; ++i) observer_.OnThrottle("a", "one:9092", absl::Milliseconds(1500));
  observer_.OnThrottle("a", "two:9092", absl::Milliseconds(500));
  const std::string logged = Logged();
  EXPECT_EQ(Count(logged, "\"broker_throttles\""), 2);
  EXPECT_EQ(Count(logged, "one:9092 throttles"), 1);
  EXPECT_THAT(metrics_.Text(), testing::HasSubstr("turnout_throttled_seconds_total 5\n"));
  const std::string page = StatusJson(board_.View());
  EXPECT_EQ(Count(page, "one:9092 does not answer as it should: it holds clients"), 1);
  EXPECT_EQ(Count(page, "Raise this principal's quotas"), 2);
}

// One that others stand in for: brokers are reached all the time.
TEST_F(PipelineObserverTest, EachBrokersFailureIsLoggedAndAgainAfterAWhileAndIsATrouble) {
  board_.SetWaitingFor({});
  observer_.OnBrokers("a", true, "");
  const auto fail = [this](const std::string& broker) {
    observer_.OnClientLog(
        3, "a",
        "FAIL: [thrd:sasl_ssl://" + broker + "/bootstrap]: sasl_ssl://" + broker +
            "/1: Connect to ipv4#" + broker +
            " failed: Connection refused (after 3ms in state CONNECT, 1 identical "
            "error(s) suppressed)");
  };
  fail("10.0.0.1:9092");
  fail("10.0.0.1:9092");
  fail("10.0.0.2:9092");
  clock_.Advance(absl::Minutes(2));
  fail("10.0.0.1:9092");
  observer_.OnClientLog(
      3, "a",
      "FAIL: [thrd:x]: GroupCoordinator: b-3.example:9092: 2 request(s) timed out: disconnect "
      "(average rtt 3.1ms) (after 60000ms in state UP)");
  EXPECT_EQ(Count(Logged(), "\"kafka_client\""), 4);
  std::vector<std::string> told;
  for (const Trouble& trouble : FindTroubles(board_.View())) told.push_back(trouble.what);
  EXPECT_THAT(told, testing::ElementsAre("Broker 10.0.0.1:9092 does not answer as it should: "
                                         "Connect to ipv4#10.0.0.1:9092 failed: "
                                         "Connection refused, 0 s ago.",
                                         "Broker b-3.example:9092 does not answer as it should: 2 "
                                         "request(s) timed out: disconnect "
                                         "(average rtt 3.1ms), 0 s ago."));
}

}  // namespace
}  // namespace turnout::runtime

// Where a transaction ends that has more events before it than it may take. What a worker does
// beyond that is the simulation's.

#include "runtime/worker.h"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/memory_state.h"
#include "tests/support/recording_observer.h"
#include "tests/support/rules_of.h"

namespace turnout::runtime {
namespace {

using connectors::AssignmentListener;
using connectors::Event;
using connectors::OutputRecord;
using connectors::SourceOffset;
using connectors::TopicDescription;
using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::Le;

constexpr int32_t kPartitions = 100;
constexpr uint64_t kChecksEvery = 64;  // events, between two looks at what a transaction has

constexpr char kRules[] = R"(
team: a
destinations: [t]
rules: [{name: r, match: {x: [1]}, steps: [{dedup: {key: id, for: 1h}}], to: t}]
)";

constexpr char kGhostRules[] = R"(
team: a
destinations: [ghost.*]
rules: [{name: r, match: {x: [1]}, to: "ghost.{id}"}]
)";

// Gives each poll's events, in order.
class ScriptedSource : public connectors::Source {
 public:
  void Add(int32_t partition, size_t events) {
    std::vector<Event>& poll = polls_.emplace_back();
    for (size_t i = 0; i < events; ++i) {
      poll.push_back({.partition = partition,
                      .offset = next_offsets_[partition]++,
                      .timestamp_ms = 1'000,
                      .value = R"({"x": 1, "id": "a"})"});
    }
  }

  absl::StatusOr<absl::Span<const Event>> Poll(absl::Duration,
                                               AssignmentListener& listener) override {
    if (!std::exchange(is_assigned_, true)) {
      std::vector<SourceOffset> all;
      for (int32_t partition = 0; partition < kPartitions; ++partition) {
        all.push_back({.partition = partition});
      }
      listener.OnAssigned(all);
    }
    if (polled_ == polls_.size()) return absl::Span<const Event>();
    return absl::MakeConstSpan(polls_[polled_++]);
  }
  absl::StatusOr<absl::Span<const Event>> TakeMore() override { return absl::Span<const Event>(); }
  absl::Status Rewind(absl::Span<const SourceOffset>) override { return absl::OkStatus(); }
  absl::Status Hold(absl::Span<const int32_t>) override { return absl::OkStatus(); }
  absl::StatusOr<int64_t> BeginOffset(int32_t) override { return 0; }
  absl::Status Commit(absl::Span<const SourceOffset>) override { return absl::OkStatus(); }
  connectors::GroupMetadata group_metadata() const override { return {}; }
  int64_t EndOffset(int32_t) const override { return -1; }
  absl::Status Rejoin(AssignmentListener&) override { return absl::OkStatus(); }
  void Close(AssignmentListener&, absl::Duration) override {}

 private:
  std::vector<std::vector<Event>> polls_;
  size_t polled_ = 0;
  bool is_assigned_ = false;
  std::map<int32_t, int64_t> next_offsets_;
};

// Takes everything.
class WillingSink : public connectors::Sink {
 public:
  absl::Status Open() override { return absl::OkStatus(); }
  absl::Status Begin() override { return absl::OkStatus(); }
  absl::Status Produce(const OutputRecord&) override { return absl::OkStatus(); }
  absl::Status Commit(absl::Span<const SourceOffset>, const connectors::GroupMetadata&) override {
    return absl::OkStatus();
  }
  absl::Status Abort() override { return absl::OkStatus(); }
  std::vector<connectors::DestinationFailure> FailuresOfTransaction() override { return {}; }
  void Close(absl::Duration) override {}
};

// Has every topic, and lists one.
class WillingAdmin : public connectors::TopicAdmin {
 public:
  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> topics, bool,
                                                         absl::Duration) override {
    std::vector<TopicDescription> described;
    for (const std::string& topic : topics) {
      described.push_back({.topic = topic,
                           .state = TopicDescription::State::kReady,
                           .partitions = 1,
                           .batch_bytes_max = 1'000'000});
    }
    return described;
  }
  absl::StatusOr<std::vector<std::string>> List(absl::Duration) override {
    return std::vector<std::string>{"d"};
  }
  absl::Status Create(absl::Span<const connectors::NewTopic>, absl::Duration) override {
    return absl::OkStatus();
  }
};

// Counts how often a state is asked how large it is.
class AskedState : public support::MemoryState {
 public:
  explicit AskedState(size_t* asked) : MemoryState(0), asked_(asked) {}
  size_t pending_bytes() const override {
    ++*asked_;
    return MemoryState::pending_bytes();
  }

 private:
  size_t* const asked_;
};

class NewStates : public StateKeeper {
 public:
  bool MayHaveState(int32_t, std::string_view) override { return false; }
  void Recover(RecoveryRequest) override {}
  std::optional<RecoveredTask> TakeRecovered() override { return std::nullopt; }
  std::string WaitsFor(int32_t) override { return ""; }
  bool KeepRules(const std::shared_ptr<const router::RuleSet>&) override { return true; }
  absl::StatusOr<std::unique_ptr<state::TaskState>> Create(int32_t, int64_t) override {
    return std::make_unique<AskedState>(&asked);
  }
  void Release(int32_t, std::unique_ptr<state::TaskState>, Parting, absl::Time) override {}
  void WaitForHandOvers(absl::Time) override {}
  std::optional<PublishedCheckpoint> TakePublished(int32_t) override { return std::nullopt; }
  void HurryCheckpoint(int32_t) override {}

  size_t asked = 0;
};

// Goes on by so much whenever somebody looks at it.
class GoingClock : public Clock {
 public:
  absl::Time Now() override { return now_ += step; }
  void Sleep(absl::Duration duration) override { now_ += duration; }

  absl::Duration step;

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

class EventCounts : public support::RecordingObserver {
 public:
  void OnTransaction(const TransactionReport& report) override {
    events.push_back(report.events);
    latency = report.latency;
    for (const DestinationCounts& counts : report.destinations) {
      destinations.emplace_back(counts.topic);
      sent.push_back(counts.sent);
      destination_latency = counts.latency;
    }
    open_since_at_commit = open_since.back();
  }
  void OnOpenTransaction(int, absl::Time since) override { open_since.push_back(since); }

  std::vector<uint64_t> events;  // of each transaction
  LatencyHistogram latency;      // of the last one, as the next
  LatencyHistogram destination_latency;
  std::vector<std::string> destinations;  // of each transaction, as the next
  std::vector<uint64_t> sent;
  std::vector<absl::Time> open_since;
  absl::Time open_since_at_commit;
};

class WorkerTest : public testing::Test {
 protected:
  WorkerTest() {
    feed_.Publish(router::RuleSet::Build({support::TeamOf(kRules)},
                                         {.partitioned_by = std::string(router::kOnePartition)}));
  }

  void Run(int turns) {
    for (int turn = 0; turn < turns; ++turn) worker_.Step();
  }

  std::atomic<bool> stopping_ = false;
  ScriptedSource source_;
  WillingSink sink_;
  WillingAdmin admin_;
  NewStates states_;
  GoingClock clock_;
  Destinations destinations_{{}, &admin_, &clock_};
  RuleFeed feed_;
  EventCounts observer_;
  Worker worker_{{.source_topic = "s",
                  .dead_letter_topic = "d",
                  .transaction_time_max = absl::Seconds(5),
                  .stopping = &stopping_},
                 &source_,
                 &sink_,
                 &states_,
                 &destinations_,
                 &feed_,
                 &observer_,
                 &clock_};
};

TEST_F(WorkerTest, ATransactionThatIsQuickTakesAllThatCame) {
  source_.Add(0, 2'000);
  Run(10);
  EXPECT_THAT(observer_.events, ElementsAre(2'000));
}

TEST_F(WorkerTest, ATransactionTakesNoMoreEventsOnceItsTimeIsOver) {
  clock_.step = absl::Seconds(1);  // so that five looks take all of it
  source_.Add(0, 2'000);
  Run(20);
  uint64_t all = 0;
  for (const uint64_t events : observer_.events) all += events;
  EXPECT_EQ(all, 2'000U) << "the rest is for the next ones";
  EXPECT_THAT(observer_.events, Each(Le(6 * kChecksEvery)));
  observer_.events.pop_back();
  EXPECT_THAT(observer_.events, Each(Ge(kChecksEvery)));
}

TEST_F(WorkerTest, AReportTellsWhatWentWhereAndHowLongItTook) {
  source_.Add(0, 3);
  source_.Add(1, 1);
  Run(6);
  EXPECT_THAT(observer_.events, ElementsAre(3, 1));
  EXPECT_THAT(observer_.destinations, ElementsAre("t", "t"));
  EXPECT_THAT(observer_.sent, ElementsAre(1, 1)) << "of equal events one";
  EXPECT_EQ(observer_.latency.counts.back(), 1u) << "the events are years old";
  EXPECT_EQ(observer_.destination_latency.counts, observer_.latency.counts);
  EXPECT_EQ(observer_.destination_latency.sum_ms, observer_.latency.sum_ms);
}

TEST_F(WorkerTest, ADestinationThatIsMissingIsTold) {
  feed_.Publish(router::RuleSet::Build({support::TeamOf(kGhostRules)}));
  source_.Add(0, 3);
  Run(4);
  EXPECT_THAT(observer_.events, ElementsAre(3)) << "they are dead letters";
  EXPECT_THAT(observer_.unavailable_destinations, ElementsAre("ghost.a"));
}

TEST_F(WorkerTest, AnOpenTransactionIsToldFromItsBeginToItsEnd) {
  source_.Add(0, 3);
  Run(4);
  ASSERT_THAT(observer_.events, ElementsAre(3));
  EXPECT_GT(observer_.open_since_at_commit, absl::UnixEpoch());
  EXPECT_EQ(observer_.open_since.back(), absl::InfinitePast());
}

TEST_F(WorkerTest, AStopEndsATransactionBeforeAllThatCameIsIn) {
  source_.Add(0, 2'000);
  stopping_ = true;
  Run(4);
  ASSERT_FALSE(observer_.events.empty());
  EXPECT_THAT(observer_.events, Each(Le(kChecksEvery)));
}

TEST_F(WorkerTest, OnlyPartitionsWithEventsAreAskedHowLargeTheirStateIs) {
  for (int32_t partition = 0; partition < kPartitions; ++partition) source_.Add(partition, 1);
  Run(kPartitions + 10);
  ASSERT_EQ(observer_.events.size(), static_cast<size_t>(kPartitions)) << "each has a state now";
  states_.asked = 0;
  source_.Add(0, 64 * kChecksEvery);
  Run(10);
  EXPECT_EQ(observer_.events.back(), 64 * kChecksEvery);
  EXPECT_EQ(states_.asked, 64U);
}

}  // namespace
}  // namespace turnout::runtime

#include "runtime/parking.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/dispatcher.h"
#include "runtime/parked_record.h"
#include "runtime/record_headers.h"
#include "tests/support/rules_of.h"
#include "tests/support/simulated_clock.h"

namespace turnout::runtime {
namespace {

using connectors::DestinationFailure;
using connectors::Header;
using connectors::TopicDescription;

constexpr char kRules[] = R"(
team: shop
owner: shop@example.com
destinations: [shop.*]
rules:
  - {name: all, match: {type: [order]}, to: shop.orders, key: id}
  - {name: by-region, match: {type: [visit]}, to: "shop.{region}"}
)";

constexpr char kOrder[] = R"({"type":"order","id":"7"})";

// Keeps what is produced.
class KeepingSink : public connectors::Sink {
 public:
  absl::Status Open() override { return absl::OkStatus(); }
  absl::Status Begin() override { return absl::OkStatus(); }
  absl::Status Produce(const connectors::OutputRecord& record) override {
    topics.emplace_back(record.topic);
    partitions.push_back(record.partition);
    records.emplace_back(record);
    return absl::OkStatus();
  }
  absl::Status Commit(absl::Span<const connectors::SourceOffset>,
                      const connectors::GroupMetadata&) override {
    return absl::OkStatus();
  }
  absl::Status Abort() override { return absl::OkStatus(); }
  std::vector<DestinationFailure> FailuresOfTransaction() override { return {}; }
  void Close(absl::Duration) override {}

  std::vector<std::string> topics;
  std::vector<int32_t> partitions;
  std::vector<KeptRecord> records;
};

class ReadyAdmin : public connectors::TopicAdmin {
 public:
  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> topics, bool,
                                                         absl::Duration) override {
    std::vector<TopicDescription> answers;
    for (const std::string& topic : topics) {
      answers.push_back({.topic = topic,
                         .state = TopicDescription::State::kReady,
                         .partitions = topic == "events.parking" ? 4 : 1});
      if (topic == missing) answers.back() = {.topic = topic};
      if (topic == "shop.orders") answers.back().batch_bytes_max = orders_bytes_max;
    }
    return answers;
  }
  absl::StatusOr<std::vector<std::string>> List(absl::Duration) override {
    return std::vector<std::string>{"events.dead-letter", "events.parking", "shop.orders"};
  }
  absl::Status Create(absl::Span<const connectors::NewTopic>, absl::Duration) override {
    return absl::OkStatus();
  }

  std::string missing;
  int64_t orders_bytes_max = -1;  // not known
};

class ParkingTest : public testing::Test {
 protected:
  explicit ParkingTest(int64_t bytes_per_second = 0)
      : rules_(support::RuleSetOf({kRules})),
        router_(std::make_unique<router::Router>(rules_)),
        budgets_(bytes_per_second, &clock_) {
    dispatcher_.UseRules(rules_);
    parking_.UseTask(6, &ledger_);
  }

  void Dispatch(std::string_view value) {
    const Header headers[] = {{"trace", "abc"}};
    const connectors::Event event{.partition = 6,
                                  .offset = 42,
                                  .timestamp_ms = 1,
                                  .key = "k",
                                  .value = value,
                                  .headers = headers};
    const absl::Status status = dispatcher_.Dispatch(
        event, /*source=*/{},
        router_->Route({.value = value, .key = "k", .topic = "events", .partition = 6}));
    EXPECT_TRUE(status.ok()) << status;
  }
  void FallIll() {
    ASSERT_TRUE(destinations_.Find("shop.orders", 1).ok());
    destinations_.MarkUnavailable({.topic = "shop.orders",
                                   .kind = DestinationFailure::Kind::kForbidden,
                                   .reason = "it is closed"});
  }
  // The last record, as it lies in the parking topic.
  ParkedRecord LastParked() {
    ParkedRecord parked;
    EXPECT_TRUE(DecodeParked(sink_.records.back().View(&headers_), "group", &parked));
    return parked;
  }
  // Of those of this name, the last one.
  std::string LastHeader(std::string_view name) {
    std::string last;
    for (const auto& [key, value] : sink_.records.back().View(&headers_).headers) {
      if (key == name) last = std::string(value);
    }
    return last;
  }

  using Strings = std::vector<std::string>;
  support::SimulatedClock clock_;
  ReadyAdmin admin_;
  KeepingSink sink_;
  DestinationProbes probes_;
  Destinations destinations_{{.probes = &probes_}, &admin_, &clock_};
  std::shared_ptr<const router::RuleSet> rules_;
  std::unique_ptr<router::Router> router_;
  TeamBudgets budgets_;
  Parking parking_{"events.parking", "group", &sink_, &destinations_, &clock_};
  Dispatcher dispatcher_{{.source_topic = "events",
                          .dead_letter_topic = "events.dead-letter",
                          .parking_topic = "events.parking"},
                         &sink_,
                         &destinations_,
                         &parking_,
                         &budgets_};
  state::ParkingLedger ledger_;
  std::vector<connectors::Header> headers_;
};

TEST_F(ParkingTest, WhatAnUnwellDestinationWouldTakeWaitsAsItIsToBeSent) {
  FallIll();
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics, Strings{"events.parking"});
  EXPECT_EQ(sink_.partitions, std::vector<int32_t>{2});  // the task's, of four
  EXPECT_EQ(LastHeader(kReasonHeader), "it is closed");
  const ParkedRecord parked = LastParked();
  EXPECT_EQ(parked.output.topic, "shop.orders");
  EXPECT_EQ(parked.output.key, "7");
  EXPECT_EQ(parked.output.value, kOrder);
  EXPECT_EQ(parked.output.timestamp_ms, 1);
  ASSERT_EQ(parked.output.headers.size(), 4u);  // the event's one, and provenance
  EXPECT_EQ(parked.output.headers[0].second, "abc");
  EXPECT_EQ(parked.rule_ids, "shop/all");
  EXPECT_EQ(parked.source, "events/6/42");
  EXPECT_EQ(parked.place.number, 0);
  ASSERT_EQ(ledger_.lanes().size(), 1u);
  EXPECT_EQ(ledger_.lanes()[0].waiting(), 1);
  EXPECT_EQ(dispatcher_.counts().parked, 1u);
}

TEST_F(ParkingTest, OthersWaitBehindItHoweverWellTheDestinationIs) {
  ledger_.Open("shop.orders", 1'000, 2)->tail = 5;
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics, Strings{"events.parking"});
  EXPECT_EQ(LastParked().place.number, 5);
  ledger_.Close(ledger_.lanes()[0].id);
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics.back(), "shop.orders");
}

TEST_F(ParkingTest, ANameThatNeverWasATopicsIsDeadLettered) {
  Dispatch(R"({"type":"visit","region":"nowhere"})");
  EXPECT_EQ(sink_.topics, Strings{"events.dead-letter"});
  EXPECT_TRUE(ledger_.empty());
}

TEST_F(ParkingTest, WithoutAParkingTopicItIsDeadLettered) {
  admin_.missing = "events.parking";
  FallIll();
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics, Strings{"events.dead-letter"});
}

TEST_F(ParkingTest, WhatNoWaitingCuresDoesNotWaitBehindOthers) {
  admin_.orders_bytes_max = 10;
  ledger_.Open("shop.orders", 1'000, 2)->tail = 5;
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics, Strings{"events.dead-letter"});
  EXPECT_EQ(LastHeader(kErrorHeader), kErrorTooLarge);
}

TEST_F(ParkingTest, ADeadLetterOfWhatHasWaitedNamesTheRulesThatSentIt) {
  admin_.orders_bytes_max = 10;
  FallIll();
  Dispatch(kOrder);
  ParkedRecord parked = LastParked();
  EXPECT_EQ(parked.rule_set, rules_->hash());
  parked.rule_set = "those from before";
  ASSERT_TRUE(dispatcher_.Deliver(parked).ok());
  EXPECT_EQ(sink_.topics.back(), "events.dead-letter");
  EXPECT_EQ(LastHeader(kRuleSetHeader), "those from before");
}

TEST_F(ParkingTest, TheLastRecordsOfALaneAreKeptWhereThatIsWanted) {
  FallIll();
  Dispatch(kOrder);
  const state::ParkingLane& lane = ledger_.lanes()[0];
  const LaneKey key = {6, lane.id};
  parking_.KeepTail(key);
  EXPECT_EQ(parking_.InTail(key, lane.tail, 0), nullptr);
  for (int i = 0; i < 2; ++i) Dispatch(kOrder);
  EXPECT_EQ(parking_.InTail(key, lane.tail, 0), nullptr);
  ParkedRecord parked;
  for (int number = 1; number <= 2; ++number) {
    const KeptRecord* const kept = parking_.InTail(key, lane.tail, number);
    ASSERT_NE(kept, nullptr);
    ASSERT_TRUE(DecodeParked(kept->View(&headers_), "group", &parked));
    EXPECT_EQ(parked.place.number, number);
  }
  parking_.Drained(key, lane.tail, 2);
  EXPECT_EQ(parking_.InTail(key, lane.tail, 1), nullptr);
  EXPECT_NE(parking_.InTail(key, lane.tail, 2), nullptr);
}

class LimitedTest : public ParkingTest {
 protected:
  LimitedTest() : ParkingTest(100) {}
};

TEST_F(LimitedTest, WhatIsBeyondATeamsBytesWaitsAndIsNeverDropped) {
  Dispatch(kOrder);  // takes more than a second allows
  EXPECT_EQ(sink_.topics, Strings{"shop.orders"});
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics.back(), "events.parking");
  EXPECT_EQ(LastHeader(kErrorHeader), kErrorOverLimit);
  clock_.Advance(absl::Seconds(60));
  const ParkedRecord parked = LastParked();
  ASSERT_TRUE(dispatcher_.Deliver(parked).ok());
  EXPECT_EQ(sink_.topics.back(), "shop.orders");
  EXPECT_FALSE(budgets_.HasAny("shop"));  // what is drained counts
}

}  // namespace
}  // namespace turnout::runtime

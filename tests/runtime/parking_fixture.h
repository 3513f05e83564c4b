// What tests of the parking topic's way in and out share: a rule set, a sink that keeps what it is
// given, destinations that are well, and the real Parking and Dispatcher over them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/dispatcher.h"
#include "runtime/parked_record.h"
#include "runtime/parking.h"
#include "runtime/record_headers.h"
#include "runtime/team_budgets.h"
#include "tests/support/rules_of.h"
#include "tests/support/simulated_clock.h"

namespace turnout::runtime {

inline constexpr char kParkingRules[] = R"(
team: shop
owner: shop@example.com
destinations: [shop.*]
rules:
  - {name: all, match: {type: [order]}, to: shop.orders, key: id}
  - {name: by-region, match: {type: [visit]}, to: "shop.{region}"}
)";

inline constexpr char kOrder[] = R"({"type":"order","id":"7"})";

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
  std::vector<connectors::DestinationFailure> FailuresOfTransaction() override { return {}; }
  void Close(absl::Duration) override {}

  std::vector<std::string> topics;
  std::vector<int32_t> partitions;
  std::vector<KeptRecord> records;
};

class ReadyAdmin : public connectors::TopicAdmin {
 public:
  absl::StatusOr<std::vector<connectors::TopicDescription>> Describe(
      absl::Span<const std::string> topics, bool, absl::Duration) override {
    std::vector<connectors::TopicDescription> answers;
    for (const std::string& topic : topics) {
      answers.push_back({.topic = topic,
                         .state = connectors::TopicDescription::State::kReady,
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
      : rules_(support::RuleSetOf({kParkingRules})),
        router_(std::make_unique<router::Router>(rules_)),
        budgets_(bytes_per_second, &clock_) {
    dispatcher_.UseRules(rules_);
    parking_.UseTask(6, &ledger_);
  }

  void Dispatch(std::string_view value) {
    const connectors::Header headers[] = {{"trace", "abc"}};
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
                                   .kind = connectors::DestinationFailure::Kind::kForbidden,
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

}  // namespace turnout::runtime

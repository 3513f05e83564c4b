// What the Kafka connectors' tests share: a mock cluster each, and a listener that remembers.
#pragma once

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "connectors/kafka_sink.h"
#include "connectors/kafka_source.h"

namespace turnout::connectors {

inline constexpr char kSourceTopic[] = "source";

// Kafka's numbers of requests.
inline constexpr int16_t kProduce = 0;
inline constexpr int16_t kOffsetFetch = 9;
inline constexpr int16_t kFindCoordinator = 10;
inline constexpr int16_t kHeartbeat = 12;
inline constexpr int16_t kInitProducerId = 22;
inline constexpr int16_t kAddPartitionsToTxn = 24;
inline constexpr int16_t kAddOffsetsToTxn = 25;
inline constexpr int16_t kEndTxn = 26;
inline constexpr int16_t kTxnOffsetCommit = 28;

// Remembers what it was told.
class Assignments : public AssignmentListener {
 public:
  void OnAssigned(absl::Span<const SourceOffset> committed) override {
    for (const SourceOffset& offset : committed) {
      ours.insert(offset.partition);
      assigned[offset.partition] = offset;
      if (hold_in != nullptr && hold.count(offset.partition) != 0) {
        EXPECT_TRUE(hold_in->Hold({offset.partition}).ok());
      }
    }
    ++assigned_calls;
  }
  void OnRevoked(absl::Span<const int32_t> partitions) override {
    for (const int32_t partition : partitions) ours.erase(partition), revoked.insert(partition);
  }
  void OnLost(absl::Span<const int32_t> partitions) override {
    for (const int32_t partition : partitions) ours.erase(partition), lost.insert(partition);
  }

  std::set<int32_t> ours;
  std::map<int32_t, SourceOffset> assigned;
  std::set<int32_t> revoked;
  std::set<int32_t> lost;
  int assigned_calls = 0;
  Source* hold_in = nullptr;  // holds these there when they are assigned
  std::set<int32_t> hold;
};

// An event whose bytes are its own.
struct KeptEvent {
  explicit KeptEvent(const Event& event)
      : partition(event.partition), offset(event.offset), timestamp_ms(event.timestamp_ms),
        null_key(event.key.data() == nullptr), null_value(event.value.data() == nullptr),
        key(event.key), value(event.value) {
    for (const auto& [name, content] : event.headers) {
      headers.emplace_back(std::string(name),
                           content.data() == nullptr ? "(null)" : std::string(content));
    }
  }
  int32_t partition;
  int64_t offset;
  int64_t timestamp_ms;
  bool null_key;
  bool null_value;
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;
};

// A mock cluster of one broker, which tests may break in any way librdkafka knows of. It creates a
// topic when a client asks about one. A group's first member waits 3 s for others.
class KafkaTest : public ::testing::Test {
 protected:
  static constexpr int kBroker = 1;

  void SetUp() override {
    char reason[256] = "";
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", reason, sizeof(reason));
    owner = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    ASSERT_NE(owner, nullptr) << reason;
    mock = rd_kafka_mock_cluster_new(owner, 1);
    ASSERT_NE(mock, nullptr);
    CreateTopic(kSourceTopic, 4);
  }

  void TearDown() override {
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(owner);
  }

  void CreateTopic(const std::string& name, int partitions) {
    ASSERT_EQ(rd_kafka_mock_topic_create(mock, name.c_str(), partitions, 1),
              RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  // The next request of this kind is answered so.
  void FailNext(int16_t api, rd_kafka_resp_err_t code) {
    rd_kafka_mock_push_request_errors(mock, api, 1, code);
  }
  void BrokerDown() { rd_kafka_mock_broker_set_down(mock, kBroker); }
  void BrokerUp() { rd_kafka_mock_broker_set_up(mock, kBroker); }
  // It keeps its connections and answers so much later.
  void BrokerSlow(int ms) { rd_kafka_mock_broker_set_rtt(mock, kBroker, ms); }

  KafkaClientOptions ClientOptions(const std::string& name) const {
    KafkaClientOptions client;
    client.bootstrap_servers = rd_kafka_mock_cluster_bootstraps(mock);
    client.client_id = name;
    return client;
  }

  KafkaSourceOptions SourceOptions(const std::string& topic = kSourceTopic) const {
    KafkaSourceOptions options;
    options.client = ClientOptions("source");
    options.topic = topic;
    options.group_id = "group";
    // The mock cluster keeps members that have left until their session is over.
    options.session_timeout_ms = 4'000;
    return options;
  }

  std::unique_ptr<Source> MakeSource(const KafkaSourceOptions& options) {
    auto made = MakeKafkaSource(options);
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }

  KafkaSinkOptions SinkOptions(Delivery delivery) const {
    KafkaSinkOptions options;
    options.client = ClientOptions("sink");
    options.delivery = delivery;
    options.transactional_id = "tx";
    options.source_topic = kSourceTopic;
    return options;
  }

  std::unique_ptr<Sink> OpenSink(const KafkaSinkOptions& options) {
    auto made = MakeKafkaSink(options);
    EXPECT_TRUE(made.ok()) << made.status();
    const absl::Status opened = OpenAtLast(**made);
    EXPECT_TRUE(opened.ok()) << opened;
    return *std::move(made);
  }

  // Calls Open until it is more than Unavailable.
  static absl::Status OpenAtLast(Sink& sink) {
    absl::Status opened;
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    do {
      opened = sink.Open();
    } while (absl::IsUnavailable(opened) && absl::Now() < deadline);
    return opened;
  }

  // Calls Commit until it is more than Unavailable.
  static absl::Status CommitAtLast(Sink& sink, absl::Span<const SourceOffset> offsets = {},
                                   const GroupMetadata& group = {}) {
    absl::Status status;
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    do {
      status = sink.Commit(offsets, group);
    } while (absl::IsUnavailable(status) && absl::Now() < deadline);
    return status;
  }

  // Polls until there were `count` events or the time is over.
  static std::vector<KeptEvent> PollEvents(Source& source, Assignments& listener, size_t count,
                                           absl::Duration within = absl::Seconds(10)) {
    std::vector<KeptEvent> kept;
    const absl::Time deadline = absl::Now() + within;
    while (kept.size() < count && absl::Now() < deadline) {
      const auto events = source.Poll(absl::Milliseconds(100), listener);
      if (!events.ok()) continue;
      for (const Event& event : *events) kept.emplace_back(event);
    }
    return kept;
  }

  // Writes these values to the source topic with keys "0", "1", ...
  void Preload(int count, const std::string& topic = kSourceTopic) {
    auto sink = OpenSink(SinkOptions(Delivery::kAtLeastOnce));
    ASSERT_TRUE(sink->Begin().ok());
    for (int i = 0; i < count; ++i) {
      const std::string text = std::to_string(i);
      OutputRecord record;
      record.topic = topic;
      record.timestamp_ms = 1'700'000'000'000 + i;
      record.key = text;
      record.value = text;
      ASSERT_TRUE(sink->Produce(record).ok());
    }
    ASSERT_TRUE(CommitAtLast(*sink).ok());
    sink->Close(absl::Seconds(1));
  }

  rd_kafka_t* owner = nullptr;
  rd_kafka_mock_cluster_t* mock = nullptr;
};

}  // namespace turnout::connectors

// What the Kafka connectors' tests share: a mock cluster each, and a listener that remembers.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "connectors/embedded_kafka.h"
#include "connectors/kafka_sink.h"
#include "connectors/kafka_source.h"

namespace turnout::connectors {

inline constexpr char kSourceTopic[] = "source";

// Remembers what it was told.
class Assignments : public AssignmentListener {
 public:
  void OnAssigned(absl::Span<const SourceOffset> committed) override {
    for (const SourceOffset& offset : committed) {
      ours.insert(offset.partition);
      assigned[offset.partition] = offset;
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

class KafkaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = EmbeddedKafka::Start(1);
    ASSERT_TRUE(started.ok()) << started.status();
    cluster = *std::move(started);
    ASSERT_TRUE(CreateTopic(kSourceTopic, 4).ok());
  }

  absl::Status CreateTopic(const std::string& name, int partitions) {
    NewTopic topic;
    topic.topic = name;
    topic.partitions = partitions;
    return cluster->Create({topic}, absl::Seconds(5));
  }

  KafkaClientOptions ClientOptions(const std::string& name) const {
    KafkaClientOptions client;
    client.bootstrap_servers = cluster->bootstrap_servers();
    client.client_id = name;
    return client;
  }

  std::unique_ptr<Source> MakeSource(const std::string& topic = kSourceTopic) {
    KafkaSourceOptions options;
    options.client = ClientOptions("source");
    options.topic = topic;
    options.group_id = "group";
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
    absl::Status opened;
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    do {
      opened = (*made)->Open();
    } while (absl::IsUnavailable(opened) && absl::Now() < deadline);
    EXPECT_TRUE(opened.ok()) << opened;
    return *std::move(made);
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

  std::unique_ptr<EmbeddedKafka> cluster;
};

}  // namespace turnout::connectors

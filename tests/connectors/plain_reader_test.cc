#include "connectors/plain_reader.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "connectors/embedded_kafka.h"
#include "connectors/kafka_sink.h"

namespace turnout::connectors {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

class PlainReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    kafka_ = EmbeddedKafka::Start(1).value();
    KafkaSinkOptions options;
    options.client.bootstrap_servers = kafka_->bootstrap_servers();
    options.delivery = Delivery::kAtLeastOnce;
    sink_ = MakeKafkaSink(options).value();
    ASSERT_TRUE(sink_->Open().ok());
  }

  void Create(const std::string& topic, int partitions) {
    const NewTopic created = {.topic = topic, .partitions = partitions};
    ASSERT_TRUE(kafka_->Create({created}, kPatience).ok());
  }

  void Send(const std::string& topic, const std::string& value) {
    const std::vector<Header> headers = {{"name", "content"}, {"empty", ""}};
    ASSERT_TRUE(sink_->Begin().ok());
    ASSERT_TRUE(sink_->Produce({.topic = topic, .timestamp_ms = 1'700'000'000'123, .key = "key",
                                .value = value, .headers = headers}).ok());
    ASSERT_TRUE(sink_->Commit({}, {}).ok());
  }

  std::vector<ReadRecord> Read(PlainReader* reader, size_t count) {
    std::vector<ReadRecord> read;
    const absl::Time deadline = absl::Now() + kPatience;
    while (read.size() < count && absl::Now() < deadline) {
      for (ReadRecord& record : reader->Poll(absl::Milliseconds(50))) {
        read.push_back(std::move(record));
      }
    }
    return read;
  }

  std::unique_ptr<EmbeddedKafka> kafka_;
  std::unique_ptr<Sink> sink_;
};

TEST_F(PlainReaderTest, ReadsARecordWithAllItCarries) {
  Create("a", 1);
  Send("a", "value");
  const auto reader = PlainReader::Start(kafka_->bootstrap_servers(), {}).value();
  const std::vector<ReadRecord> read = Read(reader.get(), 1);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].topic, "a");
  EXPECT_EQ(read[0].offset, 0);
  EXPECT_EQ(read[0].key, "key");
  EXPECT_EQ(read[0].value, "value");
  EXPECT_EQ(read[0].timestamp_ms, 1'700'000'000'123);
  ASSERT_EQ(read[0].headers.size(), 2u);
  EXPECT_EQ(read[0].headers[0], (std::pair<std::string, std::string>("name", "content")));
  EXPECT_EQ(read[0].headers[1].second, "");
}

TEST_F(PlainReaderTest, FollowsTopicsThatAppearAndReadsNothingTwice) {
  Create("first", 2);
  const auto reader = PlainReader::Start(kafka_->bootstrap_servers(), {}).value();
  std::multiset<std::string> seen;
  for (int i = 0; i < 20; ++i) Send("first", "first-" + std::to_string(i));
  for (const ReadRecord& record : Read(reader.get(), 20)) seen.insert(record.value);
  Create("second", 1);
  Send("second", "late");
  for (int i = 20; i < 40; ++i) Send("first", "first-" + std::to_string(i));
  for (const ReadRecord& record : Read(reader.get(), 21)) seen.insert(record.value);
  EXPECT_EQ(seen.size(), 41u);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 41u);
  EXPECT_EQ(seen.count("late"), 1u);
}

TEST_F(PlainReaderTest, LeavesOutWhatItIsToldTo) {
  Create("wanted", 1);
  Create("unwanted", 1);
  Send("unwanted", "no");
  Send("wanted", "yes");
  const auto reader = PlainReader::Start(kafka_->bootstrap_servers(), {"unwanted"}).value();
  const std::vector<ReadRecord> read = Read(reader.get(), 1);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].value, "yes");
  EXPECT_TRUE(reader->Poll(absl::Milliseconds(300)).empty());
}

}  // namespace
}  // namespace turnout::connectors

#include "connectors/partition_reader.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "connectors/embedded_kafka.h"
#include "connectors/kafka_sink.h"

namespace turnout::connectors {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

class PartitionReaderTest : public testing::Test {
 protected:
  using Strings = std::vector<std::string>;

  void SetUp() override {
    kafka_ = EmbeddedKafka::Start(1).value();
    KafkaSinkOptions options;
    options.client.bootstrap_servers = kafka_->bootstrap_servers();
    options.delivery = Delivery::kAtLeastOnce;
    sink_ = MakeKafkaSink(options).value();
    ASSERT_TRUE(sink_->Open().ok());
    ASSERT_TRUE(kafka_->Create({{.topic = "parked", .partitions = 2}}, kPatience).ok());
    reader_ = MakeKafkaPartitionReader(options.client, "parked");
  }

  void Send(int32_t partition, const std::string& value) {
    const std::vector<Header> headers = {{"name", "content"}};
    ASSERT_TRUE(sink_->Begin().ok());
    ASSERT_TRUE(sink_
                    ->Produce({.topic = "parked",
                               .timestamp_ms = 1'700'000'000'123,
                               .key = "key",
                               .value = value,
                               .headers = headers,
                               .partition = partition})
                    .ok());
    ASSERT_TRUE(sink_->Commit({}, {}).ok());
  }

  Strings Read(size_t count) {
    Strings values;
    const absl::Time deadline = absl::Now() + kPatience;
    while (values.size() < count && absl::Now() < deadline) {
      for (const Event& event : reader_->Take()) {
        EXPECT_EQ(event.key, "key");
        EXPECT_EQ(event.headers.size(), 1u);
        values.emplace_back(event.value);
      }
      absl::SleepFor(absl::Milliseconds(2));
    }
    return values;
  }

  std::unique_ptr<EmbeddedKafka> kafka_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<PartitionReader> reader_;
};

TEST_F(PartitionReaderTest, ReadsAPartitionFromAPlaceOnAndWhatComesLater) {
  for (const char* const value : {"a", "b", "c"}) Send(1, value);
  Send(0, "another partition's");
  EXPECT_TRUE(reader_->Take().empty());
  reader_->Seek(1, 1, -1);
  EXPECT_EQ(Read(2), (Strings{"b", "c"}));
  Send(1, "d");
  EXPECT_EQ(Read(1), Strings{"d"});
}

TEST_F(PartitionReaderTest, TheLastSeekCounts) {
  for (const char* const value : {"a", "b"}) Send(0, value);
  Send(1, "c");
  reader_->Seek(0, 0, -1);
  EXPECT_EQ(Read(2), (Strings{"a", "b"}));
  reader_->Seek(1, 0, -1);
  EXPECT_EQ(Read(1), Strings{"c"});
  reader_->Seek(0, 1, -1);
  EXPECT_EQ(Read(1), Strings{"b"});
}

TEST_F(PartitionReaderTest, NothingComesOnceItIsStoppedUntilTheNextSeek) {
  Send(0, "a");
  reader_->Seek(0, 0, -1);
  EXPECT_EQ(Read(1), Strings{"a"});
  reader_->Stop();
  Send(0, "b");
  EXPECT_TRUE(reader_->Take().empty());
  reader_->Seek(0, 1, -1);
  EXPECT_EQ(Read(1), Strings{"b"});
}

}  // namespace
}  // namespace turnout::connectors

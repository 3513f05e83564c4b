// Batches that librdkafka can't unpack, since they become larger than it may take in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/connectors/kafka_fixture.h"

namespace turnout::connectors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kTopic[] = "one";

class UnreadableBatchTest : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    CreateTopic(kTopic, 1);
  }

  // In one batch.
  void Write(const std::vector<std::string>& values) {
    KafkaSinkOptions options = SinkOptions(Delivery::kAtLeastOnce);
    options.client.properties = {{"compression.codec", "zstd"}};
    auto sink = OpenSink(options);
    ASSERT_TRUE(sink->Begin().ok());
    for (const std::string& value : values) {
      OutputRecord record;
      record.topic = kTopic;
      record.timestamp_ms = 1'700'000'000'000;
      record.key = "key";
      record.value = value;
      ASSERT_TRUE(sink->Produce(record).ok());
    }
    ASSERT_TRUE(CommitAtLast(*sink).ok());
    sink->Close(absl::Seconds(1));
  }

  KafkaSourceOptions SmallOptions() const {
    KafkaSourceOptions options = SourceOptions(kTopic);
    options.client.properties = {{"message.max.bytes", "10000"},
                                 {"fetch.max.bytes", "10000"},
                                 {"receive.message.max.bytes", "20000"}};
    return options;
  }
};

std::vector<int64_t> OffsetsOf(const std::vector<KeptEvent>& events) {
  std::vector<int64_t> offsets;
  for (const KeptEvent& event : events) offsets.push_back(event.offset);
  return offsets;
}

TEST_F(UnreadableBatchTest, EachOfItsRecordsIsAnEventThatSaysSoAndReadingGoesOnBehindIt) {
  Write({"before"});
  Write({std::string(100'000, 'a'), std::string(100'000, 'b'), "c"});
  Write({"between"});
  Write({std::string(500'000, '\0')});
  Write({"after", "all"});
  auto source = MakeSource(SmallOptions());
  Assignments listener;
  const auto events = PollEvents(*source, listener, 8, absl::Seconds(30));
  EXPECT_THAT(OffsetsOf(events), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  ASSERT_EQ(events.size(), 8u);
  for (const size_t readable : {0, 4, 6, 7}) {
    EXPECT_FALSE(events[readable].null_value) << readable;
    EXPECT_TRUE(events[readable].headers.empty()) << readable;
  }
  EXPECT_EQ(events[4].value, "between");
  EXPECT_EQ(events[6].value, "after");
  for (const size_t unreadable : {1, 2, 3, 5}) {
    EXPECT_TRUE(events[unreadable].null_key && events[unreadable].null_value) << unreadable;
    ASSERT_EQ(events[unreadable].headers.size(), 1u) << unreadable;
    EXPECT_EQ(events[unreadable].headers[0].first, kUnreadableHeader);
    EXPECT_THAT(events[unreadable].headers[0].second, HasSubstr("ecompress"));
  }
  // Nothing comes twice, and the end is known.
  EXPECT_TRUE(PollEvents(*source, listener, 1, absl::Milliseconds(500)).empty());
  EXPECT_EQ(source->EndOffset(0), 8);
}

TEST_F(UnreadableBatchTest, ARewindComesByThereAgain) {
  Write({"before"});
  Write({std::string(500'000, 'a')});
  Write({"after"});
  auto source = MakeSource(SmallOptions());
  Assignments listener;
  EXPECT_THAT(OffsetsOf(PollEvents(*source, listener, 3, absl::Seconds(30))), ElementsAre(0, 1, 2));
  for (const int64_t back : {1, 0}) {
    const absl::Time deadline = absl::Now() + absl::Seconds(5);
    const std::vector<SourceOffset> to = {{0, back, ""}};
    absl::Status status = source->Rewind(to);
    while (absl::IsUnavailable(status) && absl::Now() < deadline) status = source->Rewind(to);
    ASSERT_TRUE(status.ok()) << status;
    const auto again =
        PollEvents(*source, listener, static_cast<size_t>(3 - back), absl::Seconds(20));
    ASSERT_EQ(again.size(), static_cast<size_t>(3 - back));
    EXPECT_EQ(again.front().offset, back);
    EXPECT_EQ(again.back().value, "after");
  }
}

}  // namespace
}  // namespace turnout::connectors

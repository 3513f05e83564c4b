#include "connectors/topic_range_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "connectors/unpack_bound.h"
#include "tests/connectors/kafka_fixture.h"

namespace turnout::connectors {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(15);

class TopicRangeReaderTest : public KafkaTest {
 protected:
  std::unique_ptr<TopicRangeReader> Make(TopicRangeOptions options = {}) {
    options.client = ClientOptions("range");
    if (options.topic.empty()) options.topic = kSourceTopic;
    auto made = TopicRangeReader::Make(options);
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }

  // Polls until the ranges are over.
  static std::vector<KeptEvent> ReadAll(TopicRangeReader& reader) {
    std::vector<KeptEvent> kept;
    const absl::Time deadline = absl::Now() + kPatience;
    while (!reader.done() && absl::Now() < deadline) {
      const auto events = reader.Poll(absl::Milliseconds(50));
      EXPECT_TRUE(events.ok()) << events.status();
      if (!events.ok()) break;
      for (const Event& event : *events) kept.emplace_back(event);
    }
    EXPECT_TRUE(reader.done());
    return kept;
  }

  // Asks until a broker answers.
  static absl::StatusOr<OffsetRanges> BoundsAtLast(TopicRangeReader& reader) {
    absl::StatusOr<OffsetRanges> bounds;
    const absl::Time deadline = absl::Now() + kPatience;
    do {
      bounds = reader.Bounds(absl::Seconds(2));
    } while (absl::IsUnavailable(bounds.status()) && absl::Now() < deadline);
    return bounds;
  }
};

TEST_F(TopicRangeReaderTest, ReadsAWholeTopicToTheEndThatItHad) {
  Preload(100);
  const auto reader = Make();
  const auto bounds = BoundsAtLast(*reader);
  ASSERT_TRUE(bounds.ok()) << bounds.status();
  ASSERT_EQ(bounds->size(), 4u);
  ASSERT_TRUE(reader->Start(*bounds).ok());
  EXPECT_FALSE(reader->done());
  std::set<std::string> values;
  for (const KeptEvent& event : ReadAll(*reader)) values.insert(event.value);
  EXPECT_EQ(values.size(), 100u);
  EXPECT_TRUE(reader->Poll(absl::ZeroDuration())->empty());
}

TEST_F(TopicRangeReaderTest, ReadsExactlyARangeWithAllThatItsEventsCarry) {
  CreateTopic("one", 1);
  Preload(20, "one");
  const auto reader = Make({.topic = "one"});
  ASSERT_TRUE(BoundsAtLast(*reader).ok());
  ASSERT_TRUE(reader->Start({{0, {7, 10}}}).ok());
  const std::vector<KeptEvent> events = ReadAll(*reader);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].offset, 7);
  EXPECT_EQ(events[2].offset, 9);
  EXPECT_EQ(events[0].key, "7");
  EXPECT_EQ(events[0].timestamp_ms, 1'700'000'000'007);
  // And another one with the same client.
  ASSERT_TRUE(reader->Start({{0, {0, 1}}}).ok());
  EXPECT_EQ(ReadAll(*reader).size(), 1u);
}

TEST_F(TopicRangeReaderTest, ABatchIsBoundedAndTheRestComesWithTheNextPolls) {
  CreateTopic("one", 1);
  Preload(20, "one");
  const auto reader = Make({.topic = "one", .poll_events_max = 3});
  ASSERT_TRUE(reader->Start({{0, {0, 20}}}).ok());
  size_t seen = 0;
  const absl::Time deadline = absl::Now() + kPatience;
  while (!reader->done() && absl::Now() < deadline) {
    const auto events = reader->Poll(absl::Milliseconds(50));
    ASSERT_TRUE(events.ok()) << events.status();
    EXPECT_LE(events->size(), 3u);
    for (const Event& event : *events) EXPECT_EQ(event.offset, static_cast<int64_t>(seen++));
  }
  EXPECT_EQ(seen, 20u);
}

TEST_F(TopicRangeReaderTest, EmptyRangesAreOverAtOnce) {
  const auto reader = Make();
  EXPECT_TRUE(reader->done());
  ASSERT_TRUE(reader->Start({{0, {5, 5}}}).ok());
  EXPECT_TRUE(reader->done());
}

TEST_F(TopicRangeReaderTest, ARangeBehindTheEndIsNotOverBeforeTheLogHasComeSoFar) {
  CreateTopic("one", 1);
  Preload(5, "one");
  const auto reader = Make({.topic = "one"});
  ASSERT_TRUE(reader->Start({{0, {0, 8}}}).ok());
  size_t seen = 0;
  const absl::Time deadline = absl::Now() + kPatience;
  while (seen < 5 && absl::Now() < deadline) {
    const auto events = reader->Poll(absl::Milliseconds(50));
    ASSERT_TRUE(events.ok()) << events.status();
    seen += events->size();
  }
  EXPECT_EQ(seen, 5u);
  EXPECT_FALSE(reader->done());
  Preload(5, "one");
  EXPECT_EQ(ReadAll(*reader).size(), 3u);
}

TEST_F(TopicRangeReaderTest, OffsetsThatTheLogDoesNotHaveAreNamed) {
  CreateTopic("one", 1);
  Preload(5, "one");
  const auto reader = Make({.topic = "one"});
  ASSERT_TRUE(reader->Start({{0, {700, 701}}}).ok());
  absl::Status status;
  const absl::Time deadline = absl::Now() + kPatience;
  while (status.ok() && absl::Now() < deadline) {
    status = reader->Poll(absl::Milliseconds(50)).status();
  }
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("partition 0 does not have offset 700"));
}

TEST_F(TopicRangeReaderTest, ABatchThatCannotBeUnpackedIsNamedAndOneBehindTheRangeIsNot) {
  CreateTopic("one", 1);
  Preload(5, "one");
  KafkaSinkOptions packed = SinkOptions(Delivery::kAtLeastOnce);
  packed.client.properties = {{"compression.codec", "gzip"}};
  auto sink = OpenSink(packed);
  ASSERT_TRUE(sink->Begin().ok());
  const std::string value(500'000, 'a');
  OutputRecord record;
  record.topic = "one";
  record.value = value;
  ASSERT_TRUE(sink->Produce(record).ok());
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  sink->Close(absl::Seconds(1));

  SetUnpackedBytesMax(10'000);
  for (const int64_t end : {5, 6}) {
    const auto reader = Make({.topic = "one"});
    ASSERT_TRUE(BoundsAtLast(*reader).ok());
    ASSERT_TRUE(reader->Start({{0, {0, end}}}).ok());
    if (end == 5) {
      EXPECT_EQ(ReadAll(*reader).size(), 5u);
      continue;
    }
    absl::Status status;
    const absl::Time deadline = absl::Now() + kPatience;
    while (status.ok() && !reader->done() && absl::Now() < deadline) {
      status = reader->Poll(absl::Milliseconds(50)).status();
    }
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_THAT(status.message(), HasSubstr("the batch that begins at offset 5 can't be unpacked"));
  }
  SetUnpackedBytesMax(128 << 20);
}

TEST_F(TopicRangeReaderTest, WithoutRecordsSinceATimeTheOffsetIsTheEnd) {
  CreateTopic("one", 1);
  Preload(5, "one");
  const auto reader = Make({.topic = "one"});
  ASSERT_TRUE(BoundsAtLast(*reader).ok());
  const auto offsets = reader->OffsetsAt(1'900'000'000'000, absl::Seconds(5));
  ASSERT_TRUE(offsets.ok()) << offsets.status();
  EXPECT_EQ(*offsets, (std::map<int32_t, int64_t>{{0, 5}}));
}

TEST_F(TopicRangeReaderTest, AMissingTopicIsAPersonsToCreate) {
  rd_kafka_mock_topic_set_error(mock, "gone", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  const auto reader = Make({.topic = "gone"});
  const absl::Status missing = BoundsAtLast(*reader).status();
  EXPECT_TRUE(absl::IsInvalidArgument(missing)) << missing;
  EXPECT_THAT(std::string(missing.message()), HasSubstr("topic gone doesn't exist"));
}

TEST_F(TopicRangeReaderTest, BrokersThatAreAwayAreUnavailableAndTheReasonIsSaid) {
  BrokerDown();
  const auto reader = Make();
  const absl::Status away = reader->Bounds(absl::Milliseconds(300)).status();
  EXPECT_TRUE(absl::IsUnavailable(away)) << away;
  EXPECT_THAT(std::string(away.message()), HasSubstr("no broker answers"));
  BrokerUp();
  EXPECT_TRUE(BoundsAtLast(*reader).ok());
}

}  // namespace
}  // namespace turnout::connectors

// Batches that librdkafka can't unpack, since they become larger than they may.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "connectors/unpack_bound.h"
#include "connectors/unreadable_batches.h"
#include "tests/connectors/kafka_fixture.h"

namespace turnout::connectors {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kTopic[] = "one";

class UnreadableBatchTest : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    CreateTopic(kTopic, 1);
  }
  void TearDown() override {
    SetUnpackedBytesMax(128 << 20);
    KafkaTest::TearDown();
  }

  // In one batch.
  void Write(const std::vector<std::string>& values, const std::string& codec = "zstd") {
    KafkaSinkOptions options = SinkOptions(Delivery::kAtLeastOnce);
    // One batch, however busy the machine is.
    options.client.properties = {{"compression.codec", codec}, {"linger.ms", "1000"}};
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

void ExpectUnreadable(const KeptEvent& event, const std::string& what) {
  EXPECT_TRUE(event.null_key && event.null_value) << what;
  ASSERT_EQ(event.headers.size(), 1u) << what;
  EXPECT_EQ(event.headers[0].first, kUnreadableHeader);
  EXPECT_THAT(event.headers[0].second, AllOf(HasSubstr(what), HasSubstr("ecompress"),
                                             HasSubstr("limits.unpacked_bytes_max")));
}

TEST_F(UnreadableBatchTest, IsAnEventAtItsLastOffsetThatSaysSoAndReadingGoesOnBehindIt) {
  Write({"before"});
  Write({std::string(100'000, 'a'), std::string(100'000, 'b'), "c"});
  Write({"between"});
  Write({std::string(500'000, '\0')});
  Write({std::string(200'000, '\1'), std::string(200'000, '\2')});
  Write({"after", "all"});
  auto source = MakeSource(SmallOptions());
  Assignments listener;
  const auto events = PollEvents(*source, listener, 7, absl::Seconds(30));
  EXPECT_THAT(OffsetsOf(events), ElementsAre(0, 3, 4, 5, 7, 8, 9));
  ASSERT_EQ(events.size(), 7u);
  for (const size_t readable : {0, 2, 5, 6}) {
    EXPECT_FALSE(events[readable].null_value) << readable;
    EXPECT_TRUE(events[readable].headers.empty()) << readable;
  }
  EXPECT_EQ(events[2].value, "between");
  EXPECT_EQ(events[5].value, "after");
  ExpectUnreadable(events[1], "offsets 1 to 3 of partition 0");
  ExpectUnreadable(events[3], "offsets 5 to 5 of partition 0");
  ExpectUnreadable(events[4], "offsets 6 to 7 of partition 0");
  // Nothing comes twice, and the end is known.
  EXPECT_TRUE(PollEvents(*source, listener, 1, absl::Milliseconds(500)).empty());
  EXPECT_EQ(source->EndOffset(0), 10);
}

TEST_F(UnreadableBatchTest, AtTheEndOfTheLogIsAnEventWithoutAnyBehindIt) {
  Write(std::vector<std::string>(100, std::string(5'000, 'a')));
  auto source = MakeSource(SmallOptions());
  Assignments listener;
  const auto events = PollEvents(*source, listener, 1, absl::Seconds(30));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].offset, 99);
  ExpectUnreadable(events[0], "offsets 0 to 99 of partition 0");
  EXPECT_EQ(source->EndOffset(0), 100);
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

// That librdkafka's calls of the codecs come by here is a matter of how the program is linked, so
// it is tried rather than assumed.
TEST_F(UnreadableBatchTest, BeyondTheBoundOfTheProcessIsOneWhateverItsCodec) {
  SetUnpackedBytesMax(200'000);
  const std::vector<std::string> codecs = {"gzip", "lz4", "zstd"};
  for (const std::string& codec : codecs) {
    Write({std::string(900'000, 'a')}, codec);
    Write({std::string(150'000, 'b')}, codec);
  }
  auto source = MakeSource(SourceOptions(kTopic));
  Assignments listener;
  const auto events = PollEvents(*source, listener, 6, absl::Seconds(30));
  ASSERT_EQ(events.size(), 6u);
  for (size_t i = 0; i < codecs.size(); ++i) {
    const KeptEvent& bomb = events[2 * i];
    ExpectUnreadable(bomb, absl::StrFormat("offsets %d to %d", bomb.offset, bomb.offset));
    EXPECT_EQ(events[2 * i + 1].value, std::string(150'000, 'b')) << codecs[i];
  }
}

// Together they pass the bound, so they are in more than one answer in the end.
TEST_F(UnreadableBatchTest, ManyThatAreEachWithinTheBoundAreAllRead) {
  SetUnpackedBytesMax(200'000);
  for (const char* codec : {"gzip", "lz4", "zstd"}) {
    for (int i = 0; i < 5; ++i) Write({std::string(150'000, 'a')}, codec);
  }
  auto source = MakeSource(SourceOptions(kTopic));
  Assignments listener;
  const auto events = PollEvents(*source, listener, 15, absl::Seconds(30));
  ASSERT_EQ(events.size(), 15u);
  for (const KeptEvent& event : events) EXPECT_EQ(event.value.size(), 150'000u);
}

TEST_F(UnreadableBatchTest, WhatIsPackedToATwentiethOrLessPassesWhateverTheBound) {
  SetUnpackedBytesMax(0);
  std::minstd_rand random(1);
  std::string value(300'000, 'a');
  for (size_t i = 0; i < value.size(); i += 5) value[i] = static_cast<char>(random() % 256);
  for (const char* codec : {"gzip", "lz4", "zstd", "snappy"}) Write({value}, codec);
  auto source = MakeSource(SourceOptions(kTopic));
  Assignments listener;
  const auto events = PollEvents(*source, listener, 4, absl::Seconds(30));
  ASSERT_EQ(events.size(), 4u);
  for (const KeptEvent& event : events) EXPECT_EQ(event.value, value);
}

// The log is one batch of `size` records that can't be unpacked, from `base` on, with others behind
// it as far as `high`. The seeks that it takes to be behind it.
int SeeksFor(int64_t base, int64_t size, int64_t high) {
  using Taken = UnreadableBatches::Step::Kind;
  UnreadableBatches batches;
  int64_t at = base;
  int seeks = 0;
  for (int i = 0; i < 1'000; ++i) {
    const UnreadableBatches::Step step =
        at < base + size ? batches.Refuse(0, base, base, high, "damaged") : batches.Come(0);
    if (step.offset >= 0) at = step.offset, ++seeks;
    EXPECT_LE(at, high);
    if (step.kind != Taken::kEnded) continue;
    EXPECT_EQ(step.first, base);
    EXPECT_EQ(step.end, base + size);
    EXPECT_EQ(at, base + size);
    EXPECT_EQ(step.why, "damaged");
    return seeks;
  }
  ADD_FAILURE() << "no end of a batch of " << size;
  return seeks;
}

TEST(UnreadableBatches, FindTheEndOfOneInTwiceTheLogarithmOfItsRecords) {
  for (const int64_t base : {0, 1, 1'000'003}) {
    for (int64_t size = 1; size < 300; ++size) {
      for (const int64_t behind : {0, 1, 1'000}) {
        EXPECT_LE(SeeksFor(base, size, base + size + behind), 20) << size;
      }
    }
    EXPECT_LE(SeeksFor(base, 1'000'000, base + 3'000'000), 42);
  }
}

}  // namespace
}  // namespace turnout::connectors

#include "connectors/table_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/kafka_fixture.h"

namespace turnout::connectors {
namespace {

using ::testing::HasSubstr;
using Offsets = std::map<int32_t, int64_t>;

constexpr char kTable[] = "table";

class TableSourceTest : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    CreateTopic(kTable, 3);
  }

  std::unique_ptr<TableSource> Make(Offsets offsets = {}) {
    KafkaTableOptions options;
    options.client = ClientOptions("table");
    options.topic = kTable;
    options.offsets = std::move(offsets);
    auto made = MakeKafkaTableSource(options);
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }

  // Polls until loaded and `records` have come since the last call.
  void Load(TableSource& source, size_t records) {
    const absl::Time deadline = absl::Now() + absl::Seconds(15);
    size_t seen = 0;
    while ((!source.loaded() || seen < records) && absl::Now() < deadline) {
      const auto batch = source.Poll(absl::Milliseconds(50));
      if (!batch.ok()) continue;
      if (batch->starts_anew) {
        table.clear();
        next.clear();
        ++anew;
      }
      for (const Event& record : batch->records) {
        ++seen;
        if (record.value.data() == nullptr) {
          table.erase(std::string(record.key));
        } else {
          table[std::string(record.key)] = std::string(record.value);
        }
      }
      for (const auto& [partition, offset] : batch->next_offsets) next[partition] = offset;
    }
    EXPECT_TRUE(source.loaded());
    EXPECT_GE(seen, records);
  }

  void Write(const std::string& key, std::string_view value) {
    auto sink = OpenSink(SinkOptions(Delivery::kAtLeastOnce));
    ASSERT_TRUE(sink->Begin().ok());
    ASSERT_TRUE(sink->Produce({.topic = kTable, .key = key, .value = value}).ok());
    ASSERT_TRUE(CommitAtLast(*sink).ok());
    sink->Close(absl::Seconds(1));
  }

  std::map<std::string, std::string> table;
  Offsets next;
  int anew = 0;
};

TEST_F(TableSourceTest, EverythingIsReadThenWhatComesAfterwards) {
  Preload(100, kTable);
  const auto source = Make();
  EXPECT_FALSE(source->loaded());
  Load(*source, 100);
  EXPECT_EQ(table.size(), 100u);
  EXPECT_EQ(next[0] + next[1] + next[2], 100);
  EXPECT_EQ(source->lag(), 0);
  Write("7", "seven");
  Load(*source, 1);
  EXPECT_EQ(table["7"], "seven");
  Write("7", {});
  Load(*source, 1);
  EXPECT_EQ(table.count("7"), 0u);
  EXPECT_EQ(anew, 0);
}

TEST_F(TableSourceTest, AnEmptyTopicIsLoadedAtOnce) {
  const auto source = Make();
  Load(*source, 0);
  EXPECT_EQ(next, (Offsets{{0, 0}, {1, 0}, {2, 0}}));
}

TEST_F(TableSourceTest, ReadingGoesOnWhereItWasLeft) {
  Preload(100, kTable);
  {
    const auto source = Make();
    Load(*source, 100);
  }
  const Offsets left = next;
  table.clear();
  Preload(10, kTable);
  const auto source = Make(left);
  Load(*source, 10);
  EXPECT_EQ(table.size(), 10u);
  EXPECT_EQ(anew, 0);
}

TEST_F(TableSourceTest, OffsetsThatTheLogDoesNotReachAreOfAnotherLog) {
  Preload(100, kTable);
  const auto source = Make({{0, 1'000}});
  Load(*source, 100);
  EXPECT_EQ(anew, 1);
  EXPECT_EQ(table.size(), 100u);
}

TEST_F(TableSourceTest, OffsetsOfAPartitionThatIsNotThereAreOfAnotherLog) {
  Preload(10, kTable);
  const auto source = Make({{7, 1}});
  Load(*source, 10);
  EXPECT_EQ(anew, 1);
}

TEST_F(TableSourceTest, AMissingTopicIsNamedWithItsCureUntilItIsThere) {
  rd_kafka_mock_topic_set_error(mock, kTable, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  const auto source = Make();
  const absl::Status missing = source->Poll(absl::ZeroDuration()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(missing)) << missing;
  EXPECT_THAT(std::string(missing.message()), HasSubstr("table topic table"));
  EXPECT_THAT(std::string(missing.message()), HasSubstr("cleanup.policy=compact"));
  EXPECT_FALSE(source->loaded());
  rd_kafka_mock_topic_set_error(mock, kTable, RD_KAFKA_RESP_ERR_NO_ERROR);
  Preload(10, kTable);
  Load(*source, 10);
  EXPECT_EQ(table.size(), 10u);
  EXPECT_EQ(anew, 0) << "nothing had been read before";
}

TEST_F(TableSourceTest, ATopicThatWasAwayIsReadAnew) {
  Preload(10, kTable);
  const auto source = Make();
  Load(*source, 10);
  rd_kafka_mock_topic_set_error(mock, kTable, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  absl::Time deadline = absl::Now() + absl::Seconds(15);
  absl::Status missing;
  while (missing.ok() && absl::Now() < deadline) {
    missing = source->Poll(absl::Milliseconds(50)).status();
  }
  EXPECT_TRUE(absl::IsInvalidArgument(missing)) << missing;
  rd_kafka_mock_topic_set_error(mock, kTable, RD_KAFKA_RESP_ERR_NO_ERROR);
  Load(*source, 10);
  EXPECT_EQ(anew, 1);
  EXPECT_EQ(table.size(), 10u);
}

// An admin that knows only how long deletions are kept.
class RetentionAdmin : public TopicAdmin {
 public:
  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> topics, bool,
                                                         absl::Duration) override {
    std::vector<TopicDescription> described;
    for (const std::string& topic : topics) {
      described.push_back({.topic = topic, .delete_retention_ms = 3'600'000});
    }
    return described;
  }
  absl::StatusOr<std::vector<std::string>> List(absl::Duration) override {
    return absl::UnimplementedError("List");
  }
  absl::Status Create(absl::Span<const NewTopic>, absl::Duration) override {
    return absl::UnimplementedError("Create");
  }
};

TEST_F(TableSourceTest, ALookSaysWhenTheEndWasReachedAndHowLongDeletionsAreKept) {
  Preload(100, kTable);
  RetentionAdmin admin;
  KafkaTableOptions options;
  options.client = ClientOptions("table");
  options.admin = &admin;
  options.topic = kTable;
  const auto source = *MakeKafkaTableSource(options);
  EXPECT_EQ(source->look().at, absl::InfinitePast());
  EXPECT_EQ(source->look().reached, absl::InfinitePast());
  const absl::Time begun = absl::Now();
  Load(*source, 100);
  EXPECT_GE(source->look().reached, begun);
  EXPECT_EQ(source->look().reached, source->look().at);
  EXPECT_EQ(source->look().deletions_kept_for, absl::Hours(1));
}

TEST_F(TableSourceTest, WhatIsToStartAnewIsReadFromTheBeginning) {
  Preload(100, kTable);
  const auto source = Make();
  Load(*source, 100);
  source->StartAnew();
  EXPECT_FALSE(source->loaded());
  Load(*source, 100);
  EXPECT_EQ(anew, 1);
  EXPECT_EQ(table.size(), 100u);
}

TEST_F(TableSourceTest, BrokersThatAreAwayAreUnavailable) {
  BrokerDown();
  const auto source = Make();
  const absl::Time begin = absl::Now();
  const absl::Status away = source->Poll(absl::ZeroDuration()).status();
  EXPECT_TRUE(absl::IsUnavailable(away)) << away;
  EXPECT_LT(absl::Now() - begin, absl::Seconds(3));
  BrokerUp();
  Preload(10, kTable);
  Load(*source, 10);
}

}  // namespace
}  // namespace turnout::connectors

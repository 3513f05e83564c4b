#include "connectors/kafka_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/kafka_fixture.h"

namespace turnout::connectors {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

using KafkaSinkTest = KafkaTest;

class KafkaSinkDeliveryTest : public KafkaTest, public ::testing::WithParamInterface<Delivery> {};

TEST_P(KafkaSinkDeliveryTest, WhatIsCommittedComesBackByteForByte) {
  ASSERT_TRUE(CreateTopic("out", 1).ok());
  auto sink = OpenSink(SinkOptions(GetParam()));
  const std::vector<Header> headers = {
      {"a", "1"}, {"a", "2"}, {"empty", std::string_view("", 0)}, {"null", {}}, {"", "unnamed"}};
  std::vector<OutputRecord> records(5);
  for (OutputRecord& record : records) {
    record.topic = "out";
    record.timestamp_ms = 1'700'000'000'123;
  }
  records[0].key = "key", records[0].value = "value", records[0].headers = headers;
  records[1].value = "null key";
  records[2].key = "tombstone";
  records[3].key = std::string_view("", 0), records[3].value = std::string_view("", 0);
  records[4].key = "after", records[4].value = std::string_view("nul\0inside", 10);
  ASSERT_TRUE(sink->Begin().ok());
  for (const OutputRecord& record : records) ASSERT_TRUE(sink->Produce(record).ok());
  ASSERT_TRUE(CommitAtLast(*sink).ok());

  auto source = MakeSource("out");
  Assignments listener;
  const auto events = PollEvents(*source, listener, 5);
  ASSERT_EQ(events.size(), 5u);
  for (const KeptEvent& event : events) EXPECT_EQ(event.timestamp_ms, 1'700'000'000'123);
  EXPECT_EQ(events[0].key, "key");
  EXPECT_EQ(events[0].value, "value");
  EXPECT_THAT(events[0].headers,
              ElementsAre(Pair("a", "1"), Pair("a", "2"), Pair("empty", ""),
                          Pair("null", "(null)"), Pair("", "unnamed")));
  EXPECT_TRUE(events[1].null_key);
  EXPECT_TRUE(events[1].headers.empty());
  EXPECT_TRUE(events[2].null_value);
  EXPECT_FALSE(events[3].null_key);
  EXPECT_FALSE(events[3].null_value);
  EXPECT_EQ(events[4].value, std::string("nul\0inside", 10));
}

INSTANTIATE_TEST_SUITE_P(Both, KafkaSinkDeliveryTest,
                         ::testing::Values(Delivery::kExactlyOnce, Delivery::kAtLeastOnce),
                         [](const auto& delivery) {
                           return delivery.param == Delivery::kExactlyOnce ? "ExactlyOnce"
                                                                           : "AtLeastOnce";
                         });

}  // namespace
}  // namespace turnout::connectors

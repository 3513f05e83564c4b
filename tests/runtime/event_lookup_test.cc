#include "runtime/event_lookup.h"

#include <memory>
#include <string>

#include "connectors/embedded_kafka.h"
#include "connectors/kafka_sink.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(20);

class EventLookupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    kafka_ = connectors::EmbeddedKafka::Start(1).value();
    const connectors::NewTopic topic = {.topic = "t", .partitions = 1};
    ASSERT_TRUE(kafka_->Create({topic}, kPatience).ok());
    client_.bootstrap_servers = kafka_->bootstrap_servers();
    connectors::KafkaSinkOptions options;
    options.client = client_;
    options.delivery = connectors::Delivery::kAtLeastOnce;
    auto sink = connectors::MakeKafkaSink(options).value();
    ASSERT_TRUE(sink->Open().ok());
    ASSERT_TRUE(sink->Begin().ok());
    for (const char* const value : {"zero", "one", "two"}) {
      ASSERT_TRUE(sink->Produce({.topic = "t", .timestamp_ms = 5, .value = value}).ok());
    }
    ASSERT_TRUE(sink->Commit({}, {}).ok());
  }

  std::string WhyNot(const RecordPosition& position) {
    const auto found = FindRecord(client_, position, kPatience);
    EXPECT_TRUE(absl::IsInvalidArgument(found.status())) << found.status();
    return std::string(found.status().message());
  }

  std::unique_ptr<connectors::EmbeddedKafka> kafka_;
  connectors::KafkaClientOptions client_;
};

TEST_F(EventLookupTest, FindsTheRecordAtAPosition) {
  const auto found = FindRecord(client_, {"t", 0, 1}, kPatience);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->value, "one");
  EXPECT_EQ(found->Position(), "t/0/1");
}

TEST_F(EventLookupTest, APositionThatIsNoneSaysWhatThereIs) {
  EXPECT_THAT(WhyNot({"t", 0, 3}), HasSubstr("it has 0 up to, but not including, 3"));
  EXPECT_THAT(WhyNot({"t", 7, 0}), HasSubstr("topic t has no partition 7 (it has 1)"));
}

TEST(EventLookup, PositionsAreReadAsTheyAreWritten) {
  const auto of_source = ParsePosition("3:1742", ':', "orders");
  ASSERT_TRUE(of_source.has_value());
  EXPECT_EQ(of_source->topic, "orders");
  EXPECT_EQ(of_source->partition, 3);
  EXPECT_EQ(of_source->offset, 1742);
  const auto of_output = ParsePosition("a.b:0:17", ':');
  ASSERT_TRUE(of_output.has_value());
  EXPECT_EQ(of_output->topic, "a.b");
  const auto of_header = ParsePosition("orders/3/9", '/');
  ASSERT_TRUE(of_header.has_value());
  EXPECT_EQ(of_header->offset, 9);
  for (const char* const none : {"", "3", ":3", "3:", "a:b", "-1:2", "1:-2", "1:2x"}) {
    EXPECT_FALSE(ParsePosition(none, ':', "t").has_value()) << none;
  }
  EXPECT_FALSE(ParsePosition("3:1742", ':').has_value()) << "of no topic";
}

}  // namespace
}  // namespace turnout::runtime

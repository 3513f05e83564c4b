#include "connectors/embedded_kafka.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace turnout::connectors {
namespace {

using State = TopicDescription::State;

NewTopic Topic(const std::string& name, int32_t partitions) {
  NewTopic topic;
  topic.topic = name;
  topic.partitions = partitions;
  return topic;
}

TEST(EmbeddedKafkaTest, ATopicIsMissingUntilItIsCreatedAndMayBeCreatedTwice) {
  auto kafka = EmbeddedKafka::Start(1);
  ASSERT_TRUE(kafka.ok()) << kafka.status();
  EXPECT_FALSE((*kafka)->bootstrap_servers().empty());
  auto before = (*kafka)->Describe({"a", "b"}, true, absl::Seconds(1));
  ASSERT_TRUE(before.ok());
  ASSERT_EQ(before->size(), 2u);
  EXPECT_EQ((*before)[0].state, State::kMissing);
  EXPECT_FALSE((*before)[0].reason.empty());

  ASSERT_TRUE((*kafka)->Create({Topic("b", 3)}, absl::Seconds(1)).ok());
  ASSERT_TRUE((*kafka)->Create({Topic("b", 5)}, absl::Seconds(1)).ok());
  auto after = (*kafka)->Describe({"a", "b"}, true, absl::Seconds(1));
  ASSERT_TRUE(after.ok());
  EXPECT_EQ((*after)[0].state, State::kMissing);
  EXPECT_EQ((*after)[1].topic, "b");
  EXPECT_EQ((*after)[1].state, State::kReady);
  EXPECT_EQ((*after)[1].partitions, 3);
}

TEST(EmbeddedKafkaTest, ATopicThatDoesntFitIsRefusedByName) {
  auto kafka = EmbeddedKafka::Start(1);
  ASSERT_TRUE(kafka.ok()) << kafka.status();
  NewTopic topic = Topic("replicated", 1);
  topic.replication_factor = 3;
  for (const NewTopic& bad : {topic, Topic("none", 0)}) {
    const absl::Status status = (*kafka)->Create({bad}, absl::Seconds(1));
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("topic " + bad.topic));
  }
}

TEST(EmbeddedKafkaTest, ManyClustersLiveSideBySide) {
  auto one = EmbeddedKafka::Start(3);
  auto two = EmbeddedKafka::Start(1);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE((*one)->bootstrap_servers(), (*two)->bootstrap_servers());
}

}  // namespace
}  // namespace turnout::connectors

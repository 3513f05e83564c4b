#include "connectors/kafka_topic_admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/kafka_fixture.h"

namespace turnout::connectors {
namespace {

using State = TopicDescription::State;

class KafkaTopicAdminTest : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    auto made = MakeKafkaTopicAdmin(ClientOptions("admin"));
    ASSERT_TRUE(made.ok()) << made.status();
    admin = *std::move(made);
  }

  // The mock cluster knows no DescribeConfigs: asking for it takes the rest of the timeout.
  std::vector<TopicDescription> Describe(const std::vector<std::string>& topics, bool may_write,
                                         absl::Duration timeout = absl::Seconds(1)) {
    auto described = admin->Describe(topics, may_write, timeout);
    EXPECT_TRUE(described.ok()) << described.status();
    return described.ok() ? *described : std::vector<TopicDescription>(topics.size());
  }

  std::unique_ptr<TopicAdmin> admin;
};

TEST_F(KafkaTopicAdminTest, EachTopicIsAnsweredInTheOrderAsked) {
  CreateTopic("two", 2);
  rd_kafka_mock_topic_set_error(mock, "gone", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  rd_kafka_mock_topic_set_error(mock, "secret", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  const std::string illegal(600, 'x');
  const auto topics = Describe({"two", "gone", kSourceTopic, "secret", "two", illegal}, false);
  const std::vector<State> states = {State::kReady,     State::kMissing, State::kReady,
                                     State::kForbidden, State::kReady,   State::kMissing};
  for (size_t i = 0; i < states.size(); ++i) {
    EXPECT_EQ(topics[i].state, states[i]) << topics[i].topic.substr(0, 20);
    EXPECT_EQ(topics[i].reason.empty(), states[i] == State::kReady) << topics[i].reason;
  }
  EXPECT_EQ(topics[0].partitions, 2);
  EXPECT_EQ(topics[4].partitions, 2);
}

TEST_F(KafkaTopicAdminTest, ManyTopicsAreAnsweredLikeFew) {
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) {
    names.push_back("topic-" + std::to_string(i));
    if (i % 2 == 0) CreateTopic(names.back(), 1);
    if (i % 2 == 1) {
      rd_kafka_mock_topic_set_error(mock, names.back().c_str(),
                                    RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    }
  }
  const auto topics = Describe(names, false);
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(topics[static_cast<size_t>(i)].topic, names[static_cast<size_t>(i)]);
    EXPECT_EQ(topics[static_cast<size_t>(i)].state, i % 2 == 0 ? State::kReady : State::kMissing);
  }
}

TEST_F(KafkaTopicAdminTest, WhetherATopicMayBeWrittenIsReadFromTheRefusal) {
  FailNext(kProduce, RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS);
  EXPECT_EQ(Describe({kSourceTopic}, true)[0].state, State::kReady);
  EXPECT_EQ(Describe({kSourceTopic}, true)[0].state, State::kReady) << "the mock takes any acks";
  FailNext(kProduce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  const auto forbidden = Describe({kSourceTopic}, true);
  EXPECT_EQ(forbidden[0].state, State::kForbidden);
  EXPECT_THAT(forbidden[0].reason, ::testing::HasSubstr("TOPIC_AUTHORIZATION_FAILED"));
}

TEST_F(KafkaTopicAdminTest, AConnectionLostUnderTheQuestionSaysNothingOfTheTopic) {
  FailNext(kProduce, RD_KAFKA_RESP_ERR__TRANSPORT);
  EXPECT_EQ(Describe({kSourceTopic}, true)[0].state, State::kReady);
  FailNext(kProduce, RD_KAFKA_RESP_ERR__TRANSPORT);
  FailNext(kProduce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  EXPECT_EQ(Describe({kSourceTopic}, true)[0].state, State::kForbidden);
  for (int i = 0; i < 3; ++i) FailNext(kProduce, RD_KAFKA_RESP_ERR__TRANSPORT);
  const auto unwell = Describe({kSourceTopic}, true, absl::Seconds(4));
  EXPECT_EQ(unwell[0].state, State::kUnwell);
  EXPECT_THAT(unwell[0].reason, ::testing::HasSubstr("_TRANSPORT"));
}

TEST_F(KafkaTopicAdminTest, WithoutABrokerNothingIsKnownAndTheTimeoutHolds) {
  BrokerDown();
  const absl::Time begin = absl::Now();
  const auto described = admin->Describe({kSourceTopic}, true, absl::Seconds(1));
  EXPECT_TRUE(absl::IsUnavailable(described.status())) << described.status();
  NewTopic topic;
  topic.topic = "new";
  const absl::Status created = admin->Create({topic}, absl::Seconds(1));
  EXPECT_TRUE(absl::IsUnavailable(created)) << created;
  EXPECT_LT(absl::Now() - begin, absl::Seconds(4));
}

}  // namespace
}  // namespace turnout::connectors

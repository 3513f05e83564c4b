#include "connectors/chosen_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/connectors/fake_broker.h"
#include "tests/connectors/kafka_fixture.h"

namespace turnout::connectors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// The fixture's mock cluster is older than what the batch sink needs.
class ChosenSinkTest : public KafkaTest {
 protected:
  std::unique_ptr<Sink> Make(const KafkaSinkOptions& options, SinkKind wanted = SinkKind::kBatch) {
    auto made = MakeChosenSink(options, wanted, [this](SinkKind kind, const std::string& why) {
      choices.emplace_back(kind, why);
    });
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }

  static void Transact(Sink& sink) {
    ASSERT_TRUE(sink.Begin().ok());
    OutputRecord record;
    record.topic = "out";
    record.value = "value";
    const absl::Status produced = sink.Produce(record);
    ASSERT_TRUE(produced.ok()) << produced;
    const absl::Status committed = CommitAtLast(sink);
    ASSERT_TRUE(committed.ok()) << committed;
  }

  std::vector<std::pair<SinkKind, std::string>> choices;
};

TEST_F(ChosenSinkTest, TheBatchSinkIsTakenWhereTheBrokersAreNewEnough) {
  FakeBroker broker;
  broker.AddTopic("out", 1);
  KafkaSinkOptions options = SinkOptions(Delivery::kExactlyOnce);
  options.client.bootstrap_servers = broker.address();
  options.call_timeout_ms = 200;
  broker.SetAway(true);
  auto sink = Make(options);
  EXPECT_TRUE(absl::IsInternal(sink->Begin()));
  EXPECT_TRUE(absl::IsUnavailable(sink->Open()));
  EXPECT_THAT(choices, IsEmpty());
  broker.SetAway(false);
  const absl::Status opened = OpenAtLast(*sink);
  ASSERT_TRUE(opened.ok()) << opened;
  EXPECT_THAT(choices, ElementsAre(Pair(SinkKind::kBatch, "the brokers speak what it needs")));
  EXPECT_TRUE(sink->may_overlap());
  Transact(*sink);
  EXPECT_EQ(broker.committed_records("out"), 1);
  ASSERT_TRUE(OpenAtLast(*sink).ok());
  EXPECT_EQ(choices.size(), 1u);
}

TEST_F(ChosenSinkTest, TheLibrdkafkaSinkIsTakenWhereTheBrokersAreTooOld) {
  CreateTopic("out", 1);
  auto sink = Make(SinkOptions(Delivery::kExactlyOnce));
  const absl::Status opened = OpenAtLast(*sink);
  ASSERT_TRUE(opened.ok()) << opened;
  EXPECT_THAT(choices,
              ElementsAre(Pair(SinkKind::kLibrdkafka, HasSubstr("too old for the batch sink"))));
  Transact(*sink);
}

TEST_F(ChosenSinkTest, OneThatIsTooOldIsEnoughThoughAnotherCannotBeReached) {
  KafkaSinkOptions options = SinkOptions(Delivery::kExactlyOnce);
  options.client.bootstrap_servers += ",127.0.0.1:1";
  auto sink = Make(options);
  const absl::Status opened = OpenAtLast(*sink);
  ASSERT_TRUE(opened.ok()) << opened;
  EXPECT_THAT(choices, ElementsAre(Pair(SinkKind::kLibrdkafka, HasSubstr("too old"))));
}

TEST_F(ChosenSinkTest, PropertiesThatTheBatchSinkDoesNotHaveDecideBeforeAnyBrokerIsAsked) {
  BrokerDown();
  const std::vector<std::pair<std::vector<KafkaProperty>, std::string>> cases = {
      {{{"broker.address.family", "v4"}}, "kafka.broker.address.family"},
      {{{"ssl.crl.location", "/crl"}}, "kafka.ssl.crl.location"},
      {{{"security.protocol", "sasl_plaintext"}, {"sasl.mechanisms", "GSSAPI"}}, "GSSAPI"},
  };
  for (const auto& [properties, named] : cases) {
    KafkaSinkOptions options = SinkOptions(Delivery::kExactlyOnce);
    options.client.properties = properties;
    choices.clear();
    // Whether librdkafka was built with it is another matter.
    MakeChosenSink(
        options, SinkKind::kBatch,
        [this](SinkKind kind, const std::string& why) { choices.emplace_back(kind, why); })
        .status()
        .IgnoreError();
    EXPECT_THAT(choices, ElementsAre(Pair(SinkKind::kLibrdkafka, HasSubstr(named))));
  }
}

TEST_F(ChosenSinkTest, TheConfigsChoiceOfLibrdkafkaIsTaken) {
  CreateTopic("out", 1);
  auto sink = Make(SinkOptions(Delivery::kAtLeastOnce), SinkKind::kLibrdkafka);
  EXPECT_THAT(choices, ElementsAre(Pair(SinkKind::kLibrdkafka, "the config says so")));
  ASSERT_TRUE(OpenAtLast(*sink).ok());
  Transact(*sink);
}

}  // namespace
}  // namespace turnout::connectors

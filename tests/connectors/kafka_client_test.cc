#include "connectors/kafka_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka_sink.h"
#include "connectors/kafka_source.h"

namespace turnout::connectors {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Refusal(const std::vector<KafkaProperty>& properties) {
  const absl::Status status = CheckKafkaProperties(properties);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(CheckKafkaPropertiesTest, PropertiesOfEitherKindOfClientAreTaken) {
  EXPECT_TRUE(CheckKafkaProperties({}).ok());
  const absl::Status status = CheckKafkaProperties({{"security.protocol", "SASL_SSL"},
                                                    {"sasl.mechanism", "PLAIN"},
                                                    {"sasl.password", "secret"},
                                                    {"fetch.wait.max.ms", "10"},
                                                    {"compression.codec", "lz4"},
                                                    {"request.timeout.ms", "10000"}});
  EXPECT_TRUE(status.ok()) << status;
}

TEST(CheckKafkaPropertiesTest, AnUnknownNameIsAnsweredWithTheNearest) {
  EXPECT_THAT(Refusal({{"sasl.mechanims", "PLAIN"}}),
              AllOf(HasSubstr("kafka.sasl.mechanims"), HasSubstr("sasl.mechanism")));
  EXPECT_THAT(Refusal({{"linger_ms", "5"}}), HasSubstr("the nearest is linger.ms"));
}

TEST(CheckKafkaPropertiesTest, WhatTurnoutSetsItselfIsRefusedWithTheReason) {
  for (const char* name :
       {"group.id", "transactional.id", "enable.auto.commit", "isolation.level", "acks",
        "enable.idempotence", "partitioner", "bootstrap.servers", "session.timeout.ms"}) {
    EXPECT_THAT(Refusal({{name, "1"}}),
                HasSubstr("kafka." + std::string(name) + " may not be set: "));
  }
  EXPECT_THAT(Refusal({{"group.id", "x"}}), HasSubstr("source.group"));
}

TEST(CheckKafkaPropertiesTest, ABadValueIsNamedUnlessItIsASecret) {
  EXPECT_THAT(Refusal({{"linger.ms", "soon"}}), HasSubstr("kafka.linger.ms: "));
  EXPECT_THAT(Refusal({{"security.protocol", "tls"}}), HasSubstr("tls"));
  EXPECT_THAT(Refusal({{"sasl.jaas.config", "hunter2"}}), HasSubstr("not shown"));
}

TEST(CheckKafkaPropertiesTest, PropertiesThatDontGoTogetherAreRefusedWithoutTheirSecrets) {
  KafkaSourceOptions options;
  options.client.bootstrap_servers = "127.0.0.1:1";
  options.client.properties = {{"security.protocol", "ssl"},
                               {"ssl.key.pem", "hunter2-is-no-key"},
                               {"ssl.key.password", "hunter3"}};
  options.topic = "t";
  options.group_id = "g";
  const absl::Status status = MakeKafkaSource(options).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter")));
}

TEST(IsSecretPropertyTest, WhatOpensDoorsIsSecretAndWhereItLiesIsNot) {
  for (const char* name : {"sasl.password", "ssl.key.password", "ssl.key.pem",
                           "ssl.keystore.password", "sasl.oauthbearer.client.secret",
                           "sasl.oauthbearer.config", "sasl.jaas.config"}) {
    EXPECT_TRUE(IsSecretProperty(name)) << name;
  }
  for (const char* name : {"sasl.username", "sasl.mechanism", "ssl.key.location", "ssl.ca.location",
                           "ssl.certificate.pem", "linger.ms", "security.protocol",
                           "sasl.oauthbearer.token.endpoint.url"}) {
    EXPECT_FALSE(IsSecretProperty(name)) << name;
  }
}

TEST(KafkaClientTest, LibrdkafkaHasNothingToWarnOfInMixedProperties) {
  KafkaClientOptions client;
  client.bootstrap_servers = "127.0.0.1:1";
  client.properties = {{"fetch.wait.max.ms", "10"}, {"compression.codec", "lz4"}};
  std::vector<std::string> warnings;
  client.events.on_log = [&warnings](int, const std::string&, const std::string& line) {
    if (line.find("CONFWARN") != std::string::npos) warnings.push_back(line);
  };
  KafkaSourceOptions source;
  source.client = client;
  source.topic = "t";
  source.group_id = "g";
  EXPECT_TRUE(MakeKafkaSource(source).ok());
  KafkaSinkOptions sink;
  sink.client = client;
  sink.delivery = Delivery::kAtLeastOnce;
  EXPECT_TRUE(MakeKafkaSink(sink).ok());
  EXPECT_TRUE(warnings.empty()) << warnings.front();
}

}  // namespace
}  // namespace turnout::connectors

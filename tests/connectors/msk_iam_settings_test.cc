#include "connectors/msk_iam_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/oidc_settings.h"

namespace turnout::connectors {
namespace {

using ::testing::HasSubstr;

constexpr char kBrokers[] = "b-1.events.abc.c2.kafka.eu-west-1.amazonaws.com:9098";

std::vector<KafkaProperty> MskIam(std::vector<KafkaProperty> more = {}) {
  std::vector<KafkaProperty> properties = {{"security.protocol", "SASL_SSL"},
                                           {"sasl.mechanisms", "OAUTHBEARER"},
                                           {"sasl.oauthbearer.method", "aws_msk_iam"}};
  properties.insert(properties.end(), more.begin(), more.end());
  return properties;
}

TEST(MskIamSettingsTest, TheRegionIsThePropertysElseTheBrokers) {
  EXPECT_TRUE(CheckKafkaProperties(MskIam({{"sasl.oauthbearer.aws.region", "eu-west-1"}})).ok());
  auto settings = MskIamSettingsOf(MskIam(), kBrokers);
  ASSERT_TRUE(settings.ok() && settings->has_value()) << settings.status();
  EXPECT_EQ((*settings)->region, "eu-west-1");
  settings = MskIamSettingsOf(
      MskIam({{"sasl.oauthbearer.aws.region", "us-east-2"}, {"https.ca.location", "/etc/sts.pem"}}),
      kBrokers);
  ASSERT_TRUE(settings.ok() && settings->has_value()) << settings.status();
  EXPECT_EQ((*settings)->region, "us-east-2");
  EXPECT_EQ((*settings)->ca_file, "/etc/sts.pem");
  settings = MskIamSettingsOf(MskIam({{"https.ca.location", "probe"}}), "broker:9098");
  ASSERT_TRUE(settings.ok() && settings->has_value()) << settings.status();
  EXPECT_EQ((*settings)->region, "");
  EXPECT_EQ((*settings)->ca_file, "");
}

TEST(MskIamSettingsTest, ARegionIsFoundInEveryKindOfBrokersName) {
  EXPECT_EQ(RegionOfBrokers(kBrokers), "eu-west-1");
  EXPECT_EQ(RegionOfBrokers("boot-x1.c1.kafka-serverless.us-east-1.amazonaws.com:9098"),
            "us-east-1");
  EXPECT_EQ(RegionOfBrokers("b-2.e.a.c3.kafka.cn-north-1.amazonaws.com.cn:9098"), "cn-north-1");
  EXPECT_EQ(RegionOfBrokers("10.0.0.1:9098, SASL_SSL://B-1.E.A.C2.Kafka.EU-West-1.AmazonAWS.com"),
            "eu-west-1");
  for (const char* const none : {"", "kafka:9092", "kafka.example.com:9092", "amazonaws.com",
                                 "ec2.eu-west-1.amazonaws.com", "[::1]:9092"}) {
    EXPECT_EQ(RegionOfBrokers(none), "") << none;
  }
}

TEST(MskIamSettingsTest, OtherMethodsAreOthersMatter) {
  for (const std::vector<KafkaProperty>& properties :
       {std::vector<KafkaProperty>{},
        {{"sasl.oauthbearer.method", "aws_msk_iam"}},
        {{"security.protocol", "ssl"}, {"sasl.oauthbearer.method", "aws_msk_iam"}},
        {{"security.protocol", "SASL_SSL"},
         {"sasl.mechanism", "PLAIN"},
         {"sasl.oauthbearer.method", "aws_msk_iam"}},
        {{"security.protocol", "SASL_SSL"},
         {"sasl.mechanism", "OAUTHBEARER"},
         {"sasl.oauthbearer.method", "oidc"}}}) {
    const auto settings = MskIamSettingsOf(properties, kBrokers);
    ASSERT_TRUE(settings.ok()) << settings.status();
    EXPECT_FALSE(settings->has_value());
  }
  const auto oidc = OidcSettingsOf(MskIam());
  ASSERT_TRUE(oidc.ok()) << oidc.status();
  EXPECT_FALSE(oidc->has_value());
}

TEST(MskIamSettingsTest, WhatDoesNotGoTogetherIsNamed) {
  EXPECT_THAT(
      MskIamSettingsOf(MskIam({{"sasl.oauthbearer.client.id", "x"}}), kBrokers).status().ToString(),
      HasSubstr("kafka.sasl.oauthbearer.client.id: belongs to the method oidc"));
  EXPECT_THAT(MskIamSettingsOf(MskIam({{"enable.sasl.oauthbearer.unsecure.jwt", "true"}}), kBrokers)
                  .status()
                  .ToString(),
              HasSubstr("exclude each other"));
  EXPECT_THAT(
      CheckKafkaProperties(MskIam({{"sasl.oauthbearer.aws.region", "eu-west-1/x"}})).ToString(),
      HasSubstr("is no region"));
  EXPECT_THAT(CheckKafkaProperties({{"sasl.oauthbearer.method", "msk"}}).ToString(),
              HasSubstr("`msk` is none of oidc, aws_msk_iam and default"));
  const std::vector<KafkaProperty> oidc = {{"security.protocol", "SASL_SSL"},
                                           {"sasl.mechanisms", "OAUTHBEARER"},
                                           {"sasl.oauthbearer.method", "oidc"},
                                           {"sasl.oauthbearer.aws.region", "eu-west-1"}};
  EXPECT_THAT(OidcSettingsOf(oidc).status().ToString(),
              HasSubstr("kafka.sasl.oauthbearer.aws.region: belongs to the method aws_msk_iam"));
}

}  // namespace
}  // namespace turnout::connectors

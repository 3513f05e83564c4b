#include "connectors/oidc_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace turnout::connectors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

std::vector<KafkaProperty> Oidc() {
  return {{"security.protocol", "SASL_SSL"},
          {"sasl.mechanisms", "OAUTHBEARER"},
          {"sasl.oauthbearer.method", "oidc"},
          {"sasl.oauthbearer.token.endpoint.url", "https://idp.example/token"},
          {"sasl.oauthbearer.client.id", "turnout"},
          {"sasl.oauthbearer.client.secret", "hunter2"}};
}

std::vector<KafkaProperty> With(const std::string& name, const std::string& value) {
  std::vector<KafkaProperty> properties = Oidc();
  properties.emplace_back(name, value);
  return properties;
}

std::vector<KafkaProperty> Without(const std::string& name) {
  std::vector<KafkaProperty> properties = Oidc();
  std::erase_if(properties, [&](const KafkaProperty& property) { return property.first == name; });
  return properties;
}

TEST(OidcSettingsTest, AKnownConfigOfLibrdkafkaIsReadAsItIs) {
  std::vector<KafkaProperty> properties =
      With("sasl.oauthbearer.extensions", "logicalCluster=lkc-1, pool=p=2");
  properties.emplace_back("sasl.oauthbearer.scope", "kafka");
  properties.emplace_back("https.ca.location", "ca.pem");
  EXPECT_TRUE(CheckKafkaProperties(properties).ok());
  const auto settings = OidcSettingsOf(properties);
  ASSERT_TRUE(settings.ok() && settings->has_value()) << settings.status();
  EXPECT_EQ((*settings)->token_url, "https://idp.example/token");
  EXPECT_EQ((*settings)->client_id, "turnout");
  EXPECT_EQ((*settings)->client_secret, "hunter2");
  EXPECT_EQ((*settings)->scope, "kafka");
  EXPECT_EQ((*settings)->ca_file, "ca.pem");
  EXPECT_THAT((*settings)->extensions,
              ElementsAre(Pair("logicalCluster", "lkc-1"), Pair("pool", "p=2")));
}

TEST(OidcSettingsTest, OtherMechanismsAndUnsecuredTokensAskForNone) {
  for (const std::vector<KafkaProperty>& properties :
       {std::vector<KafkaProperty>{},
        {{"security.protocol", "SASL_SSL"}, {"sasl.mechanism", "PLAIN"}},
        {{"sasl.mechanism", "OAUTHBEARER"}},
        {{"security.protocol", "sasl_plaintext"},
         {"sasl.mechanism", "OAUTHBEARER"},
         {"enable.sasl.oauthbearer.unsecure.jwt", "true"},
         {"sasl.oauthbearer.config", "principal=me"}}}) {
    const auto settings = OidcSettingsOf(properties);
    ASSERT_TRUE(settings.ok()) << settings.status();
    EXPECT_FALSE(settings->has_value());
  }
}

TEST(OidcSettingsTest, WhatIsMissingOrTooMuchIsNamed) {
  const struct {
    std::vector<KafkaProperty> properties;
    const char* words;
  } cases[] = {
      {Without("sasl.oauthbearer.method"), "kafka.sasl.oauthbearer.method: OAUTHBEARER needs"},
      {Without("sasl.oauthbearer.token.endpoint.url"), "token.endpoint.url: is missing"},
      {Without("sasl.oauthbearer.client.id"), "client.id: is missing"},
      {Without("sasl.oauthbearer.client.secret"), "sasl.oauthbearer.client.secret.location"},
      {With("sasl.oauthbearer.client.secret.location", "secret"), "not both"},
      {With("enable.sasl.oauthbearer.unsecure.jwt", "true"), "exclude each other"},
      {With("sasl.oauthbearer.assertion.algorithm", "RS256"), "assertion.algorithm"},
  };
  for (const auto& [properties, words] : cases) {
    const auto settings = OidcSettingsOf(properties);
    EXPECT_TRUE(absl::IsInvalidArgument(settings.status())) << words;
    EXPECT_THAT(std::string(settings.status().message()), HasSubstr(words));
    EXPECT_THAT(std::string(settings.status().message()), Not(HasSubstr("hunter2")));
  }
}

TEST(OidcSettingsTest, AValueThatCantBeIsRefused) {
  const KafkaProperty refused[] = {{"sasl.oauthbearer.method", "aws"},
                                   {"sasl.oauthbearer.token.endpoint.url", "idp.example"},
                                   {"sasl.oauthbearer.client.id", ""},
                                   {"sasl.oauthbearer.extensions", "auth=x"},
                                   {"sasl.oauthbearer.extensions", "a1=x"},
                                   {"sasl.oauthbearer.extensions", "a"},
                                   {"sasl.oauthbearer.extensions", "a=\1"}};
  for (const KafkaProperty& property : refused) {
    const absl::Status status = CheckKafkaProperties({property});
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << property.first;
    EXPECT_THAT(std::string(status.message()), HasSubstr("kafka." + property.first));
  }
}

TEST(OidcSettingsTest, PlainHttpShowsTheSecretUnlessItStaysOnThisMachine) {
  const struct {
    const char* url;
    bool shows;
  } cases[] = {{"https://idp.example/token", false},    {"http://idp.example/token", true},
               {"http://idp.example:8080", true},       {"http://localhost/token", false},
               {"http://localhost:8080", false},        {"http://127.0.0.1:1?x=:", false},
               {"http://[::1]:8080/token", false},      {"http://[::1]/token", false},
               {"http://127.0.0.1.example/a", true},    {"http://localhost@idp.example/", true},
               {"http://localhost:1@idp.example", true}};
  for (const auto& [url, shows] : cases) {
    EXPECT_EQ(ShowsSecretOnTheWay({.token_url = url}), shows) << url;
  }
}

}  // namespace
}  // namespace turnout::connectors

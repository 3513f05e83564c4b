#include "connectors/sasl_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "connectors/client_security.h"

namespace turnout::connectors {
namespace {

using namespace std::string_view_literals;
using ::testing::HasSubstr;
using ::testing::Not;

std::unique_ptr<SaslClient> ClientOf(const std::string& mechanism, const std::string& nonce = "") {
  SaslCredentials credentials;
  credentials.mechanism = mechanism;
  credentials.username = "user";
  credentials.password = "pencil";
  credentials.token = [] { return OAuthToken{.value = "a.b.c"}; };
  return MakeSaslClient(credentials, [nonce] { return nonce; });
}

TEST(SaslClient, PlainSaysBothAtOnce) {
  const auto client = ClientOf("PLAIN");
  EXPECT_EQ(client->mechanism(), "PLAIN");
  EXPECT_EQ(*client->First(), "\0user\0pencil"sv);
  EXPECT_FALSE(client->done());
  EXPECT_TRUE(client->Next("").ok());
  EXPECT_TRUE(client->done());
}

// The example of RFC 7677.
constexpr char kNonce[] = "rOprNGfwEbeRWgbNEkqO";
constexpr char kChallenge[] =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr char kProof[] =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

TEST(SaslClient, ScramProvesTheSecretAsInTheRfc) {
  const auto client = ClientOf("SCRAM-SHA-256", kNonce);
  EXPECT_EQ(*client->First(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(*client->Next(kChallenge), kProof);
  EXPECT_FALSE(client->done());
  EXPECT_TRUE(client->Next("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").ok());
  EXPECT_TRUE(client->done());
}

TEST(SaslClient, ScramBelievesNoBrokerThatDoesNotKnowTheSecret) {
  const auto client = ClientOf("SCRAM-SHA-256", kNonce);
  ASSERT_TRUE(client->First().ok());
  ASSERT_TRUE(client->Next(kChallenge).ok());
  const auto last = client->Next("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  EXPECT_TRUE(absl::IsUnavailable(last.status()));
  EXPECT_THAT(std::string(last.status().message()), HasSubstr("not the one it says it is"));
  EXPECT_FALSE(client->done());
}

TEST(SaslClient, ScramRefusesChallengesThatProveNothing) {
  const char* const challenges[] = {
      "",
      "e=other-error",
      "r=short,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
      "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",     // nothing of the broker's
      "r=XOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",  // not our nonce
      "r=rOprNGfwEbeRWgbNEkqOabc,s=???,i=4096",
      "r=rOprNGfwEbeRWgbNEkqOabc,s=,i=4096",
      "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
      "r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2000000000"};
  for (const char* const challenge : challenges) {
    const auto client = ClientOf("SCRAM-SHA-256", kNonce);
    const auto answer = client->Next(challenge);
    EXPECT_TRUE(absl::IsUnavailable(answer.status())) << challenge;
    EXPECT_THAT(std::string(answer.status().message()), Not(HasSubstr("pencil")));
  }
}

TEST(SaslClient, Scram512IsAnotherHashOfTheSameKind) {
  const auto client = ClientOf("SCRAM-SHA-512", kNonce);
  ASSERT_TRUE(client->First().ok());
  const auto proof = client->Next(kChallenge);
  ASSERT_TRUE(proof.ok());
  std::string bytes;
  ASSERT_TRUE(absl::Base64Unescape(proof->substr(proof->find(",p=") + 3), &bytes));
  EXPECT_EQ(bytes.size(), 64u);
}

TEST(SaslClient, NoncesAreFreshAndHoldNoComma) {
  const std::string nonce = RandomNonce();
  EXPECT_NE(nonce, RandomNonce());
  EXPECT_EQ(nonce.find(','), std::string::npos);
  EXPECT_GE(nonce.size(), 24u);
}

TEST(SaslClient, OAuthBearerShowsItsTokenAndAcknowledgesARefusal) {
  const auto client = ClientOf("OAUTHBEARER");
  EXPECT_EQ(*client->First(), "n,,\1auth=Bearer a.b.c\1\1"sv);
  EXPECT_EQ(*client->Next(R"({"status":"invalid_token"})"), "\1");
  EXPECT_FALSE(client->done());
  EXPECT_TRUE(client->Next("").ok());
  EXPECT_TRUE(client->done());
}

TEST(SaslClient, OAuthBearerShowsItsExtensionsBesideTheToken) {
  SaslCredentials credentials;
  credentials.mechanism = "OAUTHBEARER";
  credentials.token = [] {
    return OAuthToken{.value = "a.b.c", .extensions = {{"cluster", "lkc-1"}, {"pool", "p"}}};
  };
  const auto client = MakeSaslClient(credentials, [] { return std::string(); });
  EXPECT_EQ(*client->First(), "n,,\1auth=Bearer a.b.c\1cluster=lkc-1\1pool=p\1\1"sv);
}

TEST(SaslClient, OAuthBearerWithoutATokenSaysWhy) {
  SaslCredentials credentials;
  credentials.mechanism = "OAUTHBEARER";
  credentials.token = [] { return absl::UnavailableError("the provider is away"); };
  const auto client = MakeSaslClient(credentials, [] { return std::string(); });
  EXPECT_EQ(client->First().status(), absl::UnavailableError("the provider is away"));
}

TEST(SaslClient, AnUnsecuredTokenNamesThePrincipal) {
  const auto token = UnsecuredToken("principal=alice lifeSeconds=60", 1'000);
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->principal, "alice");
  EXPECT_EQ(token->expires, absl::FromUnixSeconds(1'060));
  const std::string& text = token->value;
  const size_t dot = text.find('.');
  std::string header;
  std::string claims;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(text.substr(0, dot), &header));
  ASSERT_TRUE(absl::WebSafeBase64Unescape(text.substr(dot + 1, text.size() - dot - 2), &claims));
  EXPECT_EQ(header, R"({"alg":"none"})");
  EXPECT_EQ(claims, R"({"sub":"alice","iat":1000,"exp":1060})");
  EXPECT_EQ(text.back(), '.');
  for (const char* const wrong : {"lifeSeconds=60", "principal=\"", "principal=alice lifeSeconds=x",
                                  "principal=alice nonsense"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(UnsecuredToken(wrong, 0).status())) << wrong;
  }
}

TEST(SaslClient, WhatOnlyLibrdkafkaPutsIntoAnUnsecuredTokenIsLeftToIt) {
  for (const char* const word :
       {"scope=x", "scopeClaimName=s", "principalClaimName=p", "extension_cluster=lkc"}) {
    const auto token = UnsecuredToken(std::string("principal=alice ") + word, 0);
    EXPECT_TRUE(absl::IsUnimplemented(token.status())) << word << token.status();
  }
}

TEST(ClientSecurity, IsReadFromTheSameProperties) {
  const auto plain = ClientSecurityOf({{"compression.type", "lz4"}});
  ASSERT_TRUE(plain.ok());
  EXPECT_FALSE(plain->tls || plain->sasl);

  const auto security = ClientSecurityOf({{"security.protocol", "SASL_SSL"},
                                          {"ssl.ca.location", "ca.pem"},
                                          {"ssl.endpoint.identification.algorithm", "none"},
                                          {"sasl.mechanisms", "SCRAM-SHA-512"},
                                          {"sasl.username", "me"},
                                          {"sasl.password", "secret"}});
  ASSERT_TRUE(security.ok()) << security.status();
  ASSERT_TRUE(security->tls && security->sasl);
  EXPECT_EQ(security->tls->ca_location, "ca.pem");
  EXPECT_TRUE(security->tls->verify_certificate);
  EXPECT_FALSE(security->tls->verify_host);
  EXPECT_EQ(security->sasl->mechanism, "SCRAM-SHA-512");
  EXPECT_EQ(security->sasl->username, "me");
}

TEST(ClientSecurity, WhatItDoesNotHonourIsNamedAndNotPassedOver) {
  const struct {
    std::vector<KafkaProperty> properties;
    const char* words;
  } cases[] = {
      {{{"ssl.crl.location", "crl.pem"}}, "ssl.crl.location"},
      {{{"ssl.cipher.suites", "X"}}, "ssl.cipher.suites"},
      {{{"security.protocol", "sasl_plaintext"}}, "GSSAPI"},
      {{{"sasl.oauthbearer.assertion.file", "x"}}, "sasl.oauthbearer.assertion.file"},
  };
  for (const auto& [properties, words] : cases) {
    const auto security = ClientSecurityOf(properties);
    EXPECT_TRUE(absl::IsUnimplemented(security.status())) << words;
    EXPECT_THAT(std::string(security.status().message()), HasSubstr(words));
  }
  EXPECT_TRUE(absl::IsInvalidArgument(ClientSecurityOf({{"security.protocol", "tls"}}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      ClientSecurityOf({{"security.protocol", "sasl_ssl"}, {"sasl.mechanism", "OAUTHBEARER"}})
          .status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      ClientSecurityOf({{"enable.ssl.certificate.verification", "maybe"}}).status()));
}

}  // namespace
}  // namespace turnout::connectors

#include "runtime/msk_iam_tokens.h"

#include <map>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/keep_tokens.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using connectors::OAuthToken;
using support::FakeHttpServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Reply = FakeHttpServer::Reply;
using Request = FakeHttpServer::Request;

std::string LinkIn(const std::string& token) {
  std::string link;
  return absl::WebSafeBase64Unescape(token, &link) ? link : "no base64url";
}

// The signature is what botocore 1.44.8's SigV4QueryAuth makes of the same time, key and link.
TEST(MskIamTokenTest, IsTheLinkThatAmazonsOwnSignerMakes) {
  const state::AwsCredentials credentials = {
      .access_key_id = "AKIDEXAMPLE",
      .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
      .session_token = "a/session+token=="};
  const absl::Time now = absl::FromUnixSeconds(1795600000);
  const std::string token = MskIamToken("eu-west-1", credentials, now);
  EXPECT_THAT(token, Not(HasSubstr("=")));
  EXPECT_EQ(LinkIn(token),
            "https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect"
            "&X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIDEXAMPLE%2F20261125%2Feu-west-1%2Fkafka-cluster%2Faws4_request"
            "&X-Amz-Date=20261125T094640Z&X-Amz-Expires=900"
            "&X-Amz-Security-Token=a%2Fsession%2Btoken%3D%3D&X-Amz-SignedHeaders=host"
            "&X-Amz-Signature=d80b76ac05872774b3befd1b4928b9c3f866c55faa7cde23fdaf8b8f7f73de97"
            "&User-Agent=turnout");
}

class MskIamTokensTest : public ::testing::Test {
 protected:
  state::Environment Environment() {
    return [this](const std::string& name) {
      const auto found = environment_.find(name);
      return found == environment_.end() ? "" : found->second;
    };
  }
  void UseSts() {
    environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = directory_.Write("token", "first");
    environment_["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/turnout";
    environment_["AWS_ENDPOINT_URL_STS"] = sts_.address();
  }
  static Reply Role(const std::string& key, absl::Duration life) {
    return {.body = absl::StrCat(
                "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
                "<AccessKeyId>",
                key,
                "</AccessKeyId><SecretAccessKey>hunter2</SecretAccessKey><SessionToken>session"
                "</SessionToken><Expiration>",
                absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now() + life, absl::UTCTimeZone()),
                "</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
                "</AssumeRoleWithWebIdentityResponse>")};
  }

  support::TempDirectory directory_;
  std::map<std::string, std::string> environment_;
  Reply reply_;
  FakeHttpServer sts_{[this](const Request&) { return reply_; }};
  std::atomic<bool> stop_{false};
};

TEST_F(MskIamTokensTest, AKeyOfTheEnvironmentMakesTokensOfFifteenMinutes) {
  environment_ = {{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "a-key-of-tests"}};
  MskIamTokens tokens({.region = "us-east-1"}, Environment());
  const absl::Time begun = absl::Now();
  const absl::StatusOr<OAuthToken> token = tokens.Fetch(stop_);
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_GE(token->expires, begun + MskIamTokens::kLife);
  EXPECT_LE(token->expires, absl::Now() + MskIamTokens::kLife);
  EXPECT_TRUE(token->trouble.ok()) << token->trouble;
  EXPECT_EQ(token->principal, "AKID");
  EXPECT_THAT(LinkIn(token->value), AllOf(HasSubstr("https://kafka.us-east-1.amazonaws.com/?"),
                                          HasSubstr("X-Amz-Credential=AKID%2F"),
                                          HasSubstr("%2Fus-east-1%2Fkafka-cluster%2Faws4_request"),
                                          Not(HasSubstr("Security-Token"))));
}

TEST_F(MskIamTokensTest, ATokenEndsWithTheRolesCredentialsThatSignedIt) {
  UseSts();
  reply_ = Role("ASIA1", absl::Minutes(10));
  MskIamTokens tokens({.region = "us-east-1"}, Environment());
  const absl::StatusOr<OAuthToken> token = tokens.Fetch(stop_);
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_LE(token->expires, absl::Now() + absl::Minutes(10));
  EXPECT_THAT(LinkIn(token->value),
              AllOf(HasSubstr("ASIA1"), HasSubstr("X-Amz-Security-Token=session")));
}

TEST_F(MskIamTokensTest, AnIdentitysTokenIsReadAgainForEachRenewal) {
  UseSts();
  reply_ = Role("ASIA1", absl::ZeroDuration());  // over at once
  MskIamTokens tokens({.region = "us-east-1"}, Environment());
  ASSERT_TRUE(tokens.Fetch(stop_).ok());
  EXPECT_THAT(sts_.requests().at(0).body, HasSubstr("WebIdentityToken=first"));
  directory_.Write("token", "second");
  // The provider asks again kRenewAgain later at the soonest; another provider, another question.
  MskIamTokens later({.region = "us-east-1"}, Environment());
  ASSERT_TRUE(later.Fetch(stop_).ok());
  EXPECT_THAT(sts_.requests().at(1).body, HasSubstr("WebIdentityToken=second"));
}

TEST_F(MskIamTokensTest, ARefusalNamesTheRoleAndTheCureAndNoSecret) {
  UseSts();
  reply_ = {.status = 403,
            .body =
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized"
                "</Message></Error></ErrorResponse>"};
  MskIamTokens tokens({.region = "us-east-1"}, Environment());
  const absl::Status status = tokens.Fetch(stop_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.ToString(), AllOf(HasSubstr("no token for Kafka"), HasSubstr("role/turnout"),
                                       HasSubstr("AccessDenied"), HasSubstr("trust policy")));
}

TEST_F(MskIamTokensTest, WithoutARegionItIsSaidWhereToGiveOne) {
  const std::vector<connectors::KafkaProperty> properties = {
      {"security.protocol", "SASL_SSL"},
      {"sasl.mechanisms", "OAUTHBEARER"},
      {"sasl.oauthbearer.method", "aws_msk_iam"}};
  const auto report = [](const TokenReport&) {};
  const auto none = KeepTokens("kafka:9098", properties, report, Environment());
  EXPECT_EQ(none.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(none.status().ToString(),
              AllOf(HasSubstr("kafka.sasl.oauthbearer.aws.region"), HasSubstr("AWS_REGION")));
  environment_ = {{"AWS_ACCESS_KEY_ID", "AKID"},
                  {"AWS_SECRET_ACCESS_KEY", "a-key-of-tests"},
                  {"AWS_DEFAULT_REGION", "eu-north-1"}};
  const auto kept = KeepTokens("kafka:9098", properties, report, Environment());
  ASSERT_TRUE(kept.ok()) << kept.status();
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (!(*kept)->Current().ok() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(1));
  const auto token = (*kept)->Current();
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_THAT(LinkIn(token->value), HasSubstr("kafka.eu-north-1.amazonaws.com"));
}

}  // namespace
}  // namespace turnout::runtime

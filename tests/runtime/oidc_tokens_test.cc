#include "runtime/oidc_tokens.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using Reply = FakeHttpServer::Reply;
using Request = FakeHttpServer::Request;

std::string Jwt(const std::string& claims) {
  return absl::StrCat(absl::WebSafeBase64Escape(R"({"alg":"RS256"})"), ".",
                      absl::WebSafeBase64Escape(claims), ".c2ln");
}

class OidcTokensTest : public ::testing::Test {
 protected:
  OidcTokensTest() {
    settings_.token_url = provider_.address() + "/token";
    settings_.client_id = "turnout";
    settings_.client_secret = "hunter2";
  }

  absl::StatusOr<OAuthToken> Fetch() {
    OidcTokens tokens(settings_);
    return tokens.Fetch(stop_);
  }
  // The token's life, in seconds; -1 when there is none.
  double LifeOf(const std::string& body) {
    reply_ = {.body = body};
    const absl::Time begin = absl::Now();
    const auto token = Fetch();
    return token.ok() ? absl::ToDoubleSeconds(token->expires - begin) : -1;
  }

  Reply reply_;
  FakeHttpServer provider_{[this](const Request&) { return reply_; }};
  connectors::OidcSettings settings_;
  std::atomic<bool> stop_{false};
};

TEST_F(OidcTokensTest, AsksAsOAuthsClientCredentialsDo) {
  settings_.scope = "kafka read";
  settings_.extensions = {{"logicalCluster", "lkc-1"}};
  const std::string jwt = Jwt(R"({"sub":"router","exp":1,"iat":0})");
  reply_ = {.body = absl::StrCat(R"({"access_token":")", jwt, R"(","expires_in":60})")};
  const auto token = Fetch();
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->value, jwt);
  EXPECT_EQ(token->principal, "router");
  EXPECT_THAT(token->extensions, ElementsAre(Pair("logicalCluster", "lkc-1")));
  const Request request = provider_.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/token");
  EXPECT_EQ(request.headers.at("authorization"), "Basic " + absl::Base64Escape("turnout:hunter2"));
  EXPECT_EQ(request.headers.at("content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(request.body, "grant_type=client_credentials&scope=kafka%20read");
}

TEST_F(OidcTokensTest, TheLifeOfATokenNeedsNoRightClock) {
  const std::string of_the_past = Jwt(R"({"sub":"a","iat":1000,"exp":1090})");
  const auto answer = [](const std::string& token, const std::string& more) {
    return absl::StrCat(R"({"access_token":")", token, "\"", more, "}");
  };
  EXPECT_NEAR(LifeOf(answer(of_the_past, "")), 90, 5);
  EXPECT_NEAR(LifeOf(answer(of_the_past, R"(,"expires_in":30)")), 30, 5);
  EXPECT_NEAR(LifeOf(answer("opaque", R"(,"expires_in":"30")")), 30, 5);
  const std::string without_begin =
      Jwt(absl::StrCat(R"({"exp":)", absl::ToUnixSeconds(absl::Now()) + 40, "}"));
  EXPECT_NEAR(LifeOf(answer(without_begin, "")), 40, 5);
  EXPECT_NEAR(LifeOf(answer("opaque", R"(,"expires_in":1e300)")), 86'400, 5);
}

TEST_F(OidcTokensTest, AnOpaqueTokenIsTheClients) {
  reply_ = {.body = R"({"access_token":"opaque","expires_in":30})"};
  const auto token = Fetch();
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->principal, "turnout");
}

TEST_F(OidcTokensTest, NonsenseIsUnavailableWhateverItIs) {
  for (const char* const nonsense :
       {"", "[]", "{}", "<html>", R"({"access_token":"","expires_in":9})",
        R"({"access_token":"a b","expires_in":9})", R"({"access_token":"a\u0001","expires_in":9})",
        R"({"access_token":7,"expires_in":9})", R"({"access_token":"a"})",
        R"({"access_token":"a","expires_in":0})", R"({"access_token":"a","expires_in":"soon"})",
        R"({"access_token":"a.!.c"})", R"({"access_token":"a.W10.c"})"}) {
    reply_ = {.body = nonsense};
    EXPECT_TRUE(absl::IsUnavailable(Fetch().status())) << nonsense;
  }
  reply_ = {.body = std::string(100'000, '[')};
  EXPECT_FALSE(Fetch().ok());
  reply_ = {.fault = FakeHttpServer::Fault::kEndless};
  EXPECT_TRUE(absl::IsDataLoss(Fetch().status()));
}

TEST_F(OidcTokensTest, ARefusalNamesTheEndpointAndTheCureAndNotTheSecret) {
  const struct {
    int status;
    const char* body;
    const char* words;
    absl::StatusCode code;
  } cases[] = {
      {401, R"({"error":"invalid_client","error_description":"Bad secret"})",
       "401 invalid_client: Bad secret (check sasl.oauthbearer.client.id, which is turnout, and "
       "the secret in sasl.oauthbearer.client.secret)",
       absl::StatusCode::kInvalidArgument},
      {400, R"({"error":"invalid_scope"})", "400 invalid_scope (check sasl.oauthbearer.scope)",
       absl::StatusCode::kInvalidArgument},
      {404, "<html>", "404 (check sasl.oauthbearer.token.endpoint.url)",
       absl::StatusCode::kInvalidArgument},
      {302, "", "302 (check sasl.oauthbearer.token.endpoint.url)",
       absl::StatusCode::kInvalidArgument},
      {503, "", "it answers 503", absl::StatusCode::kUnavailable},
      {429, "", "it answers 429", absl::StatusCode::kUnavailable},
  };
  for (const auto& [status, body, words, code] : cases) {
    reply_ = {.status = status, .body = body};
    const absl::Status refused = Fetch().status();
    EXPECT_EQ(refused.code(), code) << status;
    EXPECT_THAT(std::string(refused.message()),
                AllOf(HasSubstr("no token for Kafka from " + settings_.token_url), HasSubstr(words),
                      Not(HasSubstr("hunter2"))));
  }
}

TEST_F(OidcTokensTest, AProviderThatIsAwayIsUnavailable) {
  settings_.token_url = "http://127.0.0.1:1/token";
  const absl::Status away = Fetch().status();
  EXPECT_TRUE(absl::IsUnavailable(away)) << away;
  EXPECT_THAT(std::string(away.message()), HasSubstr("127.0.0.1:1/token"));
}

TEST_F(OidcTokensTest, AnAuthorityThatCantBeReadIsNamedWithItsProperty) {
  settings_.token_url.insert(4, "s");  // https://
  settings_.ca_file = "missing.pem";
  const absl::Status refused = Fetch().status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr(settings_.token_url), HasSubstr("missing.pem"),
                    HasSubstr("https.ca.location")));
}

TEST_F(OidcTokensTest, ASecretThatIsReplacedInItsFileIsTheNextOneUsed) {
  const support::TempDirectory directory;
  settings_.client_secret.clear();
  settings_.client_secret_file = directory.Write("secret", "a-first-one\n");
  reply_ = {.body = R"({"access_token":"opaque","expires_in":30})"};
  OidcTokens tokens(settings_);
  ASSERT_TRUE(tokens.Fetch(stop_).ok());
  directory.Write("secret", "a-second-one");
  ASSERT_TRUE(tokens.Fetch(stop_).ok());
  EXPECT_EQ(provider_.requests()[0].headers.at("authorization"),
            "Basic " + absl::Base64Escape("turnout:a-first-one"));
  EXPECT_EQ(provider_.requests()[1].headers.at("authorization"),
            "Basic " + absl::Base64Escape("turnout:a-second-one"));
  for (const char* const text : {"", "\n"}) {
    directory.Write("secret", text);
    EXPECT_THAT(std::string(tokens.Fetch(stop_).status().message()),
                HasSubstr("sasl.oauthbearer.client.secret.location"));
  }
}

class KeepTokensTest : public OidcTokensTest {
 protected:
  std::vector<connectors::KafkaProperty> Properties() const {
    return {{"security.protocol", "SASL_SSL"},
            {"sasl.mechanism", "OAUTHBEARER"},
            {"sasl.oauthbearer.method", "oidc"},
            {"sasl.oauthbearer.token.endpoint.url", settings_.token_url},
            {"sasl.oauthbearer.client.id", settings_.client_id},
            {"sasl.oauthbearer.client.secret", settings_.client_secret}};
  }
};

TEST_F(KeepTokensTest, TheProviderThatThePropertiesNameIsAsked) {
  reply_ = {.body = R"({"access_token":"opaque","expires_in":30})"};
  absl::Notification reported;
  const auto keeper = KeepTokens("", Properties(), [&](const TokenReport&) { reported.Notify(); });
  ASSERT_TRUE(keeper.ok() && *keeper != nullptr) << keeper.status();
  ASSERT_TRUE(reported.WaitForNotificationWithTimeout(absl::Seconds(20)));
  const auto token = (*keeper)->Current();
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->value, "opaque");
}

TEST_F(KeepTokensTest, NobodyIsAskedWhereNoTokenIsNeeded) {
  const auto none = KeepTokens("", {{"security.protocol", "SSL"}}, [](const TokenReport&) {});
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(*none, nullptr);
  auto properties = Properties();
  properties.pop_back();
  EXPECT_TRUE(
      absl::IsInvalidArgument(KeepTokens("", properties, [](const TokenReport&) {}).status()));
}

TEST_F(KeepTokensTest, ASecretThatTravelsInTheClearIsWarnedOf) {
  for (const char* const url : {"http://0.0.0.0:1/token", "http://127.0.0.1:1/token"}) {
    settings_.token_url = url;
    testing::internal::CaptureStderr();
    ASSERT_TRUE(KeepTokens("", Properties(), [](const TokenReport&) {}).ok());
    const std::string logged = testing::internal::GetCapturedStderr();
    const bool is_near = settings_.token_url.find("127.0.0.1") != std::string::npos;
    EXPECT_EQ(logged.find("use https://") == std::string::npos, is_near) << logged;
    EXPECT_EQ(logged.find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace turnout::runtime

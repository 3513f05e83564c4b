#include "state/aws_credentials.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/temp_directory.h"

namespace turnout::state {
namespace {

using support::FakeHttpServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Reply = FakeHttpServer::Reply;
using Request = FakeHttpServer::Request;

constexpr char kRole[] = "arn:aws:iam::123456789012:role/turnout";
constexpr char kNobody[] = "http://127.0.0.1:1";

class AwsCredentialsTest : public ::testing::Test {
 protected:
  AwsCredentialProvider Provider() {
    return AwsCredentialProvider({.region = "eu-west-1",
                                  .environment =
                                      [this](const std::string& name) {
                                        const auto found = environment_.find(name);
                                        return found == environment_.end() ? "" : found->second;
                                      }},
                                 [this] { return now_; });
  }

  std::string After(absl::Duration duration) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now_ + duration, absl::UTCTimeZone());
  }

  std::string Json(const std::string& key, absl::Duration lifetime) {
    return absl::StrCat(R"({"Code":"Success","AccessKeyId":")", key,
                        R"(","SecretAccessKey":"secret","Token":"token","Expiration":")",
                        After(lifetime), "\"}");
  }

  std::string RoleXml(const std::string& key, absl::Duration lifetime) {
    return absl::StrCat(
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
        "<AccessKeyId>",
        key,
        "</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
        "<Expiration>",
        After(lifetime),
        "</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
        "</AssumeRoleWithWebIdentityResponse>");
  }

  void UseWebIdentity(const std::string& sts) {
    environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = directory_.Write("token", "a.b+c\n");
    environment_["AWS_ROLE_ARN"] = kRole;
    environment_["AWS_ENDPOINT_URL_STS"] = sts;
  }

  support::TempDirectory directory_;
  absl::Time now_ = absl::FromUnixSeconds(1'795'600'000);
  std::map<std::string, std::string> environment_;
};

TEST_F(AwsCredentialsTest, TakesKeysFromTheEnvironmentBeforeAllElse) {
  UseWebIdentity(kNobody);
  environment_["AWS_ACCESS_KEY_ID"] = "AKID";
  environment_["AWS_SECRET_ACCESS_KEY"] = "secret";
  environment_["AWS_SESSION_TOKEN"] = "token";
  AwsCredentialProvider provider = Provider();
  const auto credentials = provider.Get();
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(credentials->access_key_id, "AKID");
  EXPECT_EQ(credentials->secret_access_key, "secret");
  EXPECT_EQ(credentials->session_token, "token");
  EXPECT_FALSE(provider.Forget(*credentials)) << "there are no others";
}

TEST_F(AwsCredentialsTest, SaysWhatIsMissing) {
  environment_["AWS_ACCESS_KEY_ID"] = "AKID";
  EXPECT_EQ(Provider().Get().status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Provider().Get().status().ToString(), HasSubstr("AWS_SECRET_ACCESS_KEY"));
  environment_.clear();
  environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = directory_.path() + "/none";
  EXPECT_THAT(Provider().Get().status().ToString(), HasSubstr("AWS_ROLE_ARN"));
  environment_["AWS_ROLE_ARN"] = kRole;
  EXPECT_EQ(Provider().Get().status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Provider().Get().status().ToString(), HasSubstr("/none"));
}

TEST_F(AwsCredentialsTest, WhereThereAreNoneItSaysAllThatWasTriedAndTheCure) {
  environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = kNobody;
  const absl::Status status = Provider().Get().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.ToString(),
              AllOf(HasSubstr("AWS_ACCESS_KEY_ID"), HasSubstr("AWS_WEB_IDENTITY_TOKEN_FILE"),
                    HasSubstr("AWS_CONTAINER_CREDENTIALS_FULL_URI"), HasSubstr("127.0.0.1:1"),
                    HasSubstr("give the pod's service account")));
  environment_["AWS_EC2_METADATA_DISABLED"] = "true";
  EXPECT_THAT(Provider().Get().status().ToString(), HasSubstr("AWS_EC2_METADATA_DISABLED"));
}

TEST_F(AwsCredentialsTest, AsksStsForTheWebIdentitysRole) {
  FakeHttpServer sts(
      [&](const Request&) { return Reply{.body = RoleXml("ASIA1", absl::Hours(1))}; });
  UseWebIdentity(sts.address());
  const auto credentials = Provider().Get();
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(credentials->access_key_id, "ASIA1");
  EXPECT_EQ(credentials->session_token, "token");
  EXPECT_EQ(credentials->expires, now_ + absl::Hours(1));
  const Request request = sts.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.headers.at("content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(request.body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A"
            "123456789012%3Arole%2Fturnout&RoleSessionName=turnout&WebIdentityToken=a.b%2Bc");
}

TEST_F(AwsCredentialsTest, RenewsAheadOfExpiryAndServesOnWhileThatFails) {
  int answers = 0;
  bool is_well = true;
  FakeHttpServer sts([&](const Request&) {
    if (!is_well) return Reply{.status = 503};
    return Reply{.body = RoleXml(absl::StrCat("ASIA", ++answers), absl::Hours(1))};
  });
  UseWebIdentity(sts.address());
  AwsCredentialProvider provider = Provider();
  EXPECT_EQ(provider.Get()->access_key_id, "ASIA1");
  now_ += absl::Minutes(54);
  EXPECT_EQ(provider.Get()->access_key_id, "ASIA1");
  now_ += absl::Minutes(2);
  EXPECT_EQ(provider.Get()->access_key_id, "ASIA2");

  is_well = false;
  now_ += absl::Minutes(56);
  const size_t asked = sts.requests().size();
  EXPECT_EQ(provider.Get()->access_key_id, "ASIA2");
  EXPECT_EQ(provider.Get()->access_key_id, "ASIA2");
  EXPECT_EQ(sts.requests().size(), asked + 1) << "not at every call";
  now_ += absl::Minutes(4);
  EXPECT_EQ(provider.Get().status().code(), absl::StatusCode::kUnavailable);
  is_well = true;
  EXPECT_EQ(provider.Get()->access_key_id, "ASIA3");
}

TEST_F(AwsCredentialsTest, AsksAnewForCredentialsThatWereRefused) {
  int answers = 0;
  FakeHttpServer sts([&](const Request&) {
    return Reply{.body = RoleXml(absl::StrCat("ASIA", ++answers), absl::Hours(1))};
  });
  UseWebIdentity(sts.address());
  AwsCredentialProvider provider = Provider();
  const auto first = provider.Get();
  EXPECT_TRUE(provider.Forget(*first));
  EXPECT_EQ(provider.Get()->access_key_id, "ASIA2");
  EXPECT_TRUE(provider.Forget(*first)) << "another caller was slower";
  EXPECT_EQ(provider.Get()->access_key_id, "ASIA2");
}

TEST_F(AwsCredentialsTest, ARefusalOfStsIsAPersonsToMendAndAnOutageIsNot) {
  Reply reply{.status = 403,
              .body =
                  "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized"
                  "</Message></Error></ErrorResponse>"};
  FakeHttpServer sts([&](const Request&) { return reply; });
  UseWebIdentity(sts.address());
  const absl::Status refused = Provider().Get().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.ToString(),
              AllOf(HasSubstr("403 AccessDenied"), HasSubstr(kRole), HasSubstr("trust policy")));
  reply = {.status = 400,
           .body =
               "<ErrorResponse><Error><Code>IDPCommunicationError</Code></Error>"
               "</ErrorResponse>"};
  EXPECT_EQ(Provider().Get().status().code(), absl::StatusCode::kUnavailable);
  reply = {.status = 200, .body = "<html>"};
  EXPECT_EQ(Provider().Get().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(AwsCredentialsTest, AsksThePodIdentityAgentWithTheTokenOfTheMoment) {
  int answers = 0;
  FakeHttpServer agent([&](const Request&) {
    return Reply{.body = Json(absl::StrCat("ASIA", ++answers), absl::Hours(6))};
  });
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = agent.address() + "/v1/credentials";
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = directory_.Write("token", "first\n");
  AwsCredentialProvider provider = Provider();
  EXPECT_EQ(provider.Get()->access_key_id, "ASIA1");
  directory_.Write("token", "second");
  now_ += absl::Hours(6);
  EXPECT_EQ(provider.Get()->access_key_id, "ASIA2");
  EXPECT_EQ(agent.requests()[0].target, "/v1/credentials");
  EXPECT_EQ(agent.requests()[0].headers.at("authorization"), "first");
  EXPECT_EQ(agent.requests()[1].headers.at("authorization"), "second");
}

TEST_F(AwsCredentialsTest, SendsThePodsTokenNowhereInTheOpen) {
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = directory_.Write("token", "secret");
  for (const char* const url :
       {"http://example.com/", "http://127.0.0.1.example.com/", "http://localhost@example.com/",
        "http://localhost:80@example.com/", "ftp://localhost/", "localhost"}) {
    environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    const absl::Status status = Provider().Get().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
    EXPECT_THAT(status.ToString(), HasSubstr("has to be https")) << url;
  }
}

TEST_F(AwsCredentialsTest, AsksTheMachinesMetadataServiceBySessions) {
  FakeHttpServer metadata([&](const Request& request) {
    if (request.method == "PUT" && request.target == "/latest/api/token") {
      return Reply{.body = "session"};
    }
    const auto token = request.headers.find("x-aws-ec2-metadata-token");
    if (token == request.headers.end() || token->second != "session") return Reply{.status = 401};
    if (request.target == "/latest/meta-data/iam/security-credentials/") {
      return Reply{.body = "turnout-role\n"};
    }
    if (request.target == "/latest/meta-data/iam/security-credentials/turnout-role") {
      return Reply{.body = Json("ASIA1", absl::Hours(6))};
    }
    return Reply{.status = 404};
  });
  environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.address() + "/";
  const auto credentials = Provider().Get();
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(credentials->access_key_id, "ASIA1");
  EXPECT_EQ(credentials->expires, now_ + absl::Hours(6));
  EXPECT_THAT(credentials->source, HasSubstr("turnout-role"));
  EXPECT_EQ(metadata.requests()[0].headers.at("x-aws-ec2-metadata-token-ttl-seconds"), "21600");
}

TEST_F(AwsCredentialsTest, AMachineWithoutARoleIsToldSo) {
  int status = 404;
  FakeHttpServer metadata([&](const Request& request) {
    return request.method == "PUT" ? Reply{.body = "session"} : Reply{.status = status};
  });
  environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.address();
  EXPECT_EQ(Provider().Get().status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Provider().Get().status().ToString(), HasSubstr("instance profile"));
  status = 500;
  EXPECT_EQ(Provider().Get().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(AwsCredentialsTest, NonsenseIsUnavailableWhateverItIs) {
  std::string body;
  FakeHttpServer agent([&](const Request&) { return Reply{.body = body}; });
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = agent.address();
  for (const char* const nonsense :
       {"", "[]", "{}", "nul", "{\"AccessKeyId\":1,\"SecretAccessKey\":\"s\"}",
        "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"s\",\"Expiration\":\"soon\"}"}) {
    body = nonsense;
    EXPECT_EQ(Provider().Get().status().code(), absl::StatusCode::kUnavailable) << nonsense;
  }
  body = std::string(100'000, '[');
  EXPECT_FALSE(Provider().Get().ok());
}

}  // namespace
}  // namespace turnout::state

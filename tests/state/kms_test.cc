#include "state/kms.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_http_server.h"

namespace turnout::state {
namespace {

using support::FakeHttpServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Reply = FakeHttpServer::Reply;

class KmsTest : public ::testing::Test {
 protected:
  // A KMS that gives these answers in turn, the last one again and again.
  absl::StatusOr<SecretText> Decrypt(std::vector<Reply> replies,
                                     const std::string& ciphertext = "c2VhbGVk") {
    size_t next = 0;
    FakeHttpServer server([&](const FakeHttpServer::Request&) {
      return replies[std::min(next++, replies.size() - 1)];
    });
    environment_["AWS_ENDPOINT_URL_KMS"] = server.address();
    Kms kms({.environment =
                 [this](const std::string& name) {
                   const auto found = environment_.find(name);
                   return found == environment_.end() ? "" : found->second;
                 }},
            {.now = [this] { return now_; },
             .sleep = [this](absl::Duration slept) { now_ += slept; },
             .random = [] { return uint64_t{1}; }});
    absl::StatusOr<SecretText> plain = kms.Decrypt("k2", ciphertext);
    requests_ = server.requests();
    return plain;
  }

  static Reply Plain(const std::string& bytes) {
    return {.body = absl::StrCat(R"({"KeyId":"arn:aws:kms:x","Plaintext": ")",
                                 absl::Base64Escape(bytes), "\"}")};
  }
  static Reply Error(int status, const std::string& type) {
    return {.status = status,
            .body = absl::StrCat(R"({"__type":")", type, R"(","message":"why"})")};
  }

  absl::Time now_ = absl::FromUnixSeconds(1'795'600'000);
  std::map<std::string, std::string> environment_ = {{"AWS_REGION", "eu-west-1"},
                                                     {"AWS_ACCESS_KEY_ID", "AKID"},
                                                     {"AWS_SECRET_ACCESS_KEY", "secret"}};
  std::vector<FakeHttpServer::Request> requests_;
};

TEST_F(KmsTest, AsksOnceSignedAndAnswersWhatWasDecrypted) {
  environment_["AWS_SESSION_TOKEN"] = "session";
  const std::string bytes(32, '\xfe');
  const auto plain = Decrypt({Plain(bytes)});
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->view(), bytes);
  ASSERT_EQ(requests_.size(), 1u);
  auto& headers = requests_[0].headers;
  EXPECT_EQ(requests_[0].method, "POST");
  EXPECT_EQ(requests_[0].body, R"({"CiphertextBlob":"c2VhbGVk"})");
  EXPECT_EQ(headers["x-amz-target"], "TrentService.Decrypt");
  EXPECT_EQ(headers["content-type"], "application/x-amz-json-1.1");
  EXPECT_EQ(headers["x-amz-security-token"], "session");
  EXPECT_THAT(headers["authorization"],
              AllOf(StartsWith("AWS4-HMAC-SHA256 Credential=AKID/"),
                    HasSubstr("/eu-west-1/kms/aws4_request"), HasSubstr("x-amz-target")));
}

TEST_F(KmsTest, AsksAgainWhereItMayPass) {
  const auto plain =
      Decrypt({Error(500, "KMSInternalException"), Error(400, "ThrottlingException"), Plain("x")});
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->view(), "x");
  EXPECT_EQ(requests_.size(), 3u);
}

TEST_F(KmsTest, GivesUpAtItsDeadlineNamingKeyAndPlace) {
  const auto plain = Decrypt({Error(503, "DependencyTimeoutException")});
  EXPECT_TRUE(absl::IsUnavailable(plain.status())) << plain.status();
  EXPECT_THAT(plain.status().message(),
              AllOf(HasSubstr("`k2`"), HasSubstr("http://127.0.0.1"), HasSubstr("tried")));
}

TEST_F(KmsTest, SaysWhatToMend) {
  const std::vector<std::pair<Reply, std::string>> cases = {
      {Error(400, "AccessDeniedException"), "kms:Decrypt"},
      {Error(400, "com.amazonaws.kms#InvalidCiphertextException"), "`aws kms encrypt` printed"},
      {Error(400, "DisabledException"), "enable the KMS key"},
      {Error(400, "NotFoundException"), "AWS_REGION"},
      {Error(400, "ExpiredTokenException"), "have not expired"},
      {{.status = 404, .body = "<html>"}, "is one of KMS"},
      {{.body = "{}"}, "without a Plaintext"}};
  for (const auto& [reply, cure] : cases) {
    const absl::Status status = Decrypt({reply}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(status.message(), AllOf(HasSubstr("`k2`"), HasSubstr(cure)));
    EXPECT_EQ(requests_.size(), 1u) << cure;
  }
}

TEST_F(KmsTest, AsksNobodyWithoutARegionOrForWhatIsNoBase64) {
  EXPECT_THAT(Decrypt({Plain("x")}, "no base64!").status().message(), HasSubstr("no base64"));
  environment_.erase("AWS_REGION");
  EXPECT_THAT(Decrypt({Plain("x")}).status().message(), HasSubstr("set AWS_REGION"));
  EXPECT_TRUE(requests_.empty());
}

}  // namespace
}  // namespace turnout::state

#include "deploy/manager/issuer_keys.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <string>

#include "absl/strings/str_format.h"
#include "runtime/temporary_directory.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/token_issuer.h"

namespace turnout::manager {
namespace {

using support::FakeHttpServer;
using support::KeySetOf;
using support::TokenIssuer;

const TokenIssuer& Signer() {
  static const TokenIssuer* const kSigner = new TokenIssuer();
  return *kSigner;
}

class SetClock : public runtime::Clock {
 public:
  absl::Time Now() override { return now_; }
  void Sleep(absl::Duration duration) override { now_ += duration; }

 private:
  absl::Time now_ = absl::FromUnixSeconds(10'000);
};

// An identity provider that answers what it is told to.
class Provider {
 public:
  Provider()
      : server_([this](const FakeHttpServer::Request& request) { return Answer(request); }) {}

  std::string url() const { return server_.address(); }
  size_t asked() const { return server_.requests().size(); }
  const std::vector<FakeHttpServer::Request> requests() const { return server_.requests(); }

  void Publish(std::string keys) {
    const std::lock_guard<std::mutex> lock(mu_);
    keys_ = std::move(keys);
  }
  void Document(std::string document) {
    const std::lock_guard<std::mutex> lock(mu_);
    document_ = std::move(document);
  }
  void Fail(int status) { status_ = status; }

 private:
  FakeHttpServer::Reply Answer(const FakeHttpServer::Request& request) {
    const std::lock_guard<std::mutex> lock(mu_);
    if (status_ != 200) return {.status = status_, .body = "no"};
    if (request.target == "/.well-known/openid-configuration") return {.body = document_};
    if (request.target == "/keys") return {.body = keys_};
    return {.status = 404, .body = "nothing"};
  }

  std::mutex mu_;
  std::string keys_;
  std::string document_;
  std::atomic<int> status_{200};
  FakeHttpServer server_;
};

class IssuerKeysTest : public testing::Test {
 protected:
  IssuerKeysTest() {
    provider_.Publish(KeySetOf({Signer().CurveKey("first")}));
    provider_.Document(
        absl::StrFormat(R"({"issuer": "%s", "jwks_uri": "%s/keys"})", issuer(), issuer()));
  }

  std::string issuer() const { return provider_.url(); }
  IssuerOptions Options() const { return {.demands = {.issuer = issuer(), .audience = "turnout"}}; }
  std::string Token(std::string_view key, std::string_view audience = "turnout") const {
    return Signer().Curve(
        absl::StrFormat(R"({"alg":"ES256","kid":"%s"})", key),
        absl::StrFormat(R"({"iss":"%s","sub":"ada","aud":"%s","exp":900000})", issuer(), audience));
  }

  SetClock clock_;
  Provider provider_;
};

TEST_F(IssuerKeysTest, KeysAreFoundByDiscoveryAndAskedForOnce) {
  IssuerKeys keys(Options(), &clock_);
  for (int i = 0; i < 5; ++i) {
    const absl::StatusOr<state::TokenClaims> claims = keys.Verify(Token("first"));
    ASSERT_TRUE(claims.ok()) << claims.status();
    EXPECT_EQ(claims->subject, "ada");
  }
  EXPECT_EQ(provider_.asked(), 2u);  // the document, the keys
}

TEST_F(IssuerKeysTest, ATokenForSomebodyElseIsRefused) {
  IssuerKeys keys(Options(), &clock_);
  const absl::Status refused = keys.Verify(Token("first", "billing")).status();
  EXPECT_TRUE(absl::IsPermissionDenied(refused));
  EXPECT_NE(refused.message().find("another audience"), std::string::npos) << refused;
  EXPECT_NE(refused.message().find(issuer()), std::string::npos) << refused;
}

TEST_F(IssuerKeysTest, AFreshKeyIsFetchedWhenItsFirstTokenComes) {
  IssuerKeys keys(Options(), &clock_);
  ASSERT_TRUE(keys.Verify(Token("first")).ok());
  provider_.Publish(KeySetOf({Signer().CurveKey("first"), Signer().CurveKey("second")}));
  clock_.Sleep(absl::Seconds(11));
  EXPECT_TRUE(keys.Verify(Token("second")).ok());
  EXPECT_TRUE(keys.Verify(Token("first")).ok());
}

TEST_F(IssuerKeysTest, TokensOfNoKeyDoNotMakeUsAskAgainAndAgain) {
  IssuerKeys keys(Options(), &clock_);
  ASSERT_TRUE(keys.Verify(Token("first")).ok());
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(absl::IsPermissionDenied(keys.Verify(Token("unknown")).status()));
  }
  EXPECT_EQ(provider_.asked(), 2u);
  clock_.Sleep(absl::Seconds(11));
  EXPECT_FALSE(keys.Verify(Token("unknown")).ok());
  EXPECT_EQ(provider_.asked(), 4u);
}

TEST_F(IssuerKeysTest, AWithdrawnKeyIsNotTakenOnceKeysAreAskedForAgain) {
  IssuerKeys keys(Options(), &clock_);
  ASSERT_TRUE(keys.Verify(Token("first")).ok());
  provider_.Publish(KeySetOf({Signer().CurveKey("second")}));
  clock_.Sleep(absl::Hours(1) + absl::Seconds(1));
  EXPECT_FALSE(keys.Verify(Token("first")).ok());
  EXPECT_TRUE(keys.Verify(Token("second")).ok());
}

TEST_F(IssuerKeysTest, AnIssuerThatDoesNotAnswerIsNamedAndItsLastKeysGoOnForADay) {
  IssuerKeys keys(Options(), &clock_);
  provider_.Fail(503);
  absl::Status status = keys.Verify(Token("first")).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_NE(status.message().find("answers 503"), std::string::npos) << status;
  provider_.Fail(200);
  clock_.Sleep(absl::Seconds(11));
  ASSERT_TRUE(keys.Verify(Token("first")).ok());
  provider_.Fail(503);
  clock_.Sleep(absl::Hours(23));
  EXPECT_TRUE(keys.Verify(Token("first")).ok());
  clock_.Sleep(absl::Hours(2));
  EXPECT_TRUE(absl::IsUnavailable(keys.Verify(Token("first")).status()));
}

TEST_F(IssuerKeysTest, ADiscoveryDocumentOfAnotherIssuerIsNotFollowed) {
  provider_.Document(
      absl::StrFormat(R"({"issuer": "https://else", "jwks_uri": "%s/keys"})", issuer()));
  IssuerKeys keys(Options(), &clock_);
  const absl::Status status = keys.Verify(Token("first")).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_NE(status.message().find("another issuer"), std::string::npos) << status;
}

TEST_F(IssuerKeysTest, KeysAreAskedForWhereTheyAreSaidToBeWithAToken) {
  const runtime::TemporaryDirectory directory;
  const std::string file = directory.path() + "/token";
  std::ofstream(file) << "kubernetes\n";
  IssuerOptions options = Options();
  options.keys_url = issuer() + "/keys";
  options.token_file = file;
  IssuerKeys keys(options, &clock_);
  ASSERT_TRUE(keys.Verify(Token("first")).ok());
  ASSERT_EQ(provider_.asked(), 1u);
  EXPECT_EQ(provider_.requests()[0].headers.at("authorization"), "Bearer kubernetes");
}

}  // namespace
}  // namespace turnout::manager

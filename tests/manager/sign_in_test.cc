#include "deploy/manager/sign_in.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <mutex>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/temporary_directory.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/token_issuer.h"

namespace turnout::manager {
namespace {

using support::FakeHttpServer;
using support::TokenIssuer;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kOrigin = "https://turnout.example.com";
constexpr const char* kPeer = "10.0.0.1";

const TokenIssuer& Signer() {
  static const TokenIssuer* const kSigner = new TokenIssuer();
  return *kSigner;
}

// What stands in a URL's query behind `name=`.
std::string Asked(const std::string& url, const std::string& name) {
  const size_t begin = url.find(name + "=");
  if (begin == std::string::npos) return {};
  const size_t value = begin + name.size() + 1;
  return url.substr(value, url.find('&', value) - value);
}

// A provider, a manager that is its client, and a browser.
class SignInTest : public testing::Test {
 protected:
  SignInTest()
      : server_([this](const FakeHttpServer::Request& request) { return Answer(request); }) {
    const std::string secret = directory_.path() + "/secret";
    std::ofstream(secret) << "s3cret:/\n";
    settings_ = {{.issuer = {.demands = {.issuer = server_.address(), .audience = "api"}},
                  .client = {.id = "page", .secret_file = secret, .scopes = "openid groups"}}};
    issuers_ = std::make_unique<Issuers>(settings_, std::vector<Grant>(), &clock_);
    sign_in_ = std::make_unique<SignIn>(settings_, kOrigin, issuers_.get(), &clock_);
  }

  FakeHttpServer::Reply Answer(const FakeHttpServer::Request& request) {
    const std::lock_guard<std::mutex> lock(mu_);
    const std::string at = server_address_;
    if (request.target == "/keys") return {.body = support::KeySetOf({Signer().CurveKey("k")})};
    if (request.target == "/token") return {.status = token_status_, .body = token_answer_};
    return {.body = absl::StrFormat(
                R"({"issuer":"%s","jwks_uri":"%s/keys","authorization_endpoint":"%s/go?a=b",)"
                R"("token_endpoint":"%s/token"%s})",
                at, at, at, at, discovery_more_)};
  }

  // Before the first request.
  void Serve() {
    const std::lock_guard<std::mutex> lock(mu_);
    server_address_ = server_.address();
  }
  void GiveToken(const std::string& nonce) {
    const std::string token =
        Signer().Curve(R"({"alg":"ES256","kid":"k"})",
                       absl::StrFormat(R"({"iss":"%s","sub":"ada","aud":"page","exp":1700000600,)"
                                       R"("nonce":"%s","groups":["all"]})",
                                       server_.address(), nonce));
    const std::lock_guard<std::mutex> lock(mu_);
    token_answer_ = absl::StrFormat(R"({"id_token":"%s"})", token);
  }

  static runtime::HttpRequest With(const std::string& cookie) {
    return {.method = "GET", .headers = {{"cookie", cookie}}};
  }
  // Of a Set-Cookie line.
  static std::string CookieIn(const std::string& line) { return line.substr(0, line.find(';')); }

  SignIn::Arrival GoThere() {
    const absl::StatusOr<SignIn::Leaving> leaving = sign_in_->Begin(server_.address(), "#/a");
    if (!leaving.ok()) return {.status = leaving.status()};
    GiveToken(Asked(leaving->url, "nonce"));
    return sign_in_->Finish(With(CookieIn(leaving->set_cookie)),
                            {{"state", Asked(leaving->url, "state")}, {"code", "the code&"}},
                            kPeer);
  }

  std::mutex mu_;
  std::string server_address_;
  std::string discovery_more_;
  std::string token_answer_;
  int token_status_ = 200;
  FakeHttpServer server_;
  runtime::TemporaryDirectory directory_;
  support::SimulatedClock clock_;
  std::vector<IssuerSettings> settings_;
  std::unique_ptr<Issuers> issuers_;
  std::unique_ptr<SignIn> sign_in_;
};

TEST_F(SignInTest, OverHttpsCookiesAreOfThisHostAloneAndStrictAfterTheReturn) {
  Serve();
  const absl::StatusOr<SignIn::Leaving> leaving = sign_in_->Begin(server_.address(), "#/a");
  ASSERT_TRUE(leaving.ok()) << leaving.status();
  EXPECT_THAT(leaving->url, StartsWith(server_.address() + "/go?a=b&response_type=code&"));
  EXPECT_EQ(Asked(leaving->url, "redirect_uri"),
            "https%3A%2F%2Fturnout.example.com%2Fv1%2Fsession%2Fcallback");
  EXPECT_EQ(Asked(leaving->url, "scope"), "openid%20groups");
  EXPECT_THAT(leaving->set_cookie, StartsWith("__Host-turnout-sign-in="));
  EXPECT_THAT(leaving->set_cookie,
              EndsWith("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600"));

  const SignIn::Arrival arrival = GoThere();
  ASSERT_TRUE(arrival.status.ok()) << arrival.status;
  EXPECT_EQ(arrival.principal.name, "ada");
  EXPECT_EQ(arrival.to, "#/a");
  ASSERT_EQ(arrival.set_cookies.size(), 2u);
  EXPECT_EQ(arrival.set_cookies[0],
            "__Host-turnout-sign-in=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0");
  EXPECT_THAT(arrival.set_cookies[1], StartsWith("__Host-turnout="));
  EXPECT_THAT(arrival.set_cookies[1], EndsWith("; Path=/; HttpOnly; SameSite=Strict; Secure"));
  EXPECT_FALSE(sign_in_->SessionOf(With(CookieIn(arrival.set_cookies[1]).substr(7))).has_value());

  const runtime::HttpRequest signed_in = With(CookieIn(arrival.set_cookies[1]));
  ASSERT_TRUE(sign_in_->SessionOf(signed_in).has_value());
  EXPECT_THAT(sign_in_->SessionOf(signed_in)->principal.groups, ElementsAre("group:all"));
  EXPECT_EQ(sign_in_->End(signed_in),
            "__Host-turnout=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0");
  EXPECT_FALSE(sign_in_->SessionOf(signed_in).has_value());
}

TEST_F(SignInTest, ASessionThatNobodyUsedIsNobodysAnyMore) {
  Serve();
  const SignIn::Arrival arrival = GoThere();
  ASSERT_TRUE(arrival.status.ok()) << arrival.status;
  const runtime::HttpRequest signed_in = With(CookieIn(arrival.set_cookies[1]));
  const std::optional<Session> session = sign_in_->SessionOf(signed_in);
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(sign_in_->EndOf(*session), clock_.TimeOfDay() + kSessionFor);
  clock_.Sleep(kSessionIdleFor);
  EXPECT_FALSE(sign_in_->SessionOf(signed_in).has_value());
  EXPECT_TRUE(sign_in_->HasCookie(signed_in));
}

TEST_F(SignInTest, TheCodeGoesToTheProviderWithVerifierAndSecretAndNothingIsLeftBare) {
  Serve();
  ASSERT_TRUE(GoThere().status.ok());
  const auto sent = [&] {
    for (const FakeHttpServer::Request& one : server_.requests()) {
      if (one.target == "/token") return one;
    }
    return FakeHttpServer::Request();
  }();
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.headers.at("authorization"), "Basic " + absl::Base64Escape("page:s3cret%3A%2F"));
  EXPECT_EQ(sent.headers.at("content-type"), "application/x-www-form-urlencoded");
  EXPECT_THAT(sent.body, StartsWith("grant_type=authorization_code&code=the%20code%26&"));
  EXPECT_EQ(Asked("?" + sent.body, "code_verifier").size(), 43u);
  EXPECT_THAT(sent.body, testing::Not(HasSubstr("client_secret")));
}

TEST_F(SignInTest, AProviderThatWantsTheSecretInTheBodyGetsItThere) {
  discovery_more_ = R"(,"token_endpoint_auth_methods_supported":["client_secret_post"])";
  Serve();
  ASSERT_TRUE(GoThere().status.ok());
  EXPECT_THAT(server_.requests().back().target, "/keys");
  for (const FakeHttpServer::Request& one : server_.requests()) {
    if (one.target != "/token") continue;
    EXPECT_THAT(one.body, EndsWith("&client_secret=s3cret%3A%2F"));
    EXPECT_FALSE(one.headers.contains("authorization"));
  }
}

TEST_F(SignInTest, AProviderThatDoesNotAnswerIsAskedAgainAfterAPauseOnly) {
  EXPECT_TRUE(absl::IsUnavailable(sign_in_->Begin(server_.address(), "").status()));
  Serve();
  EXPECT_TRUE(absl::IsUnavailable(sign_in_->Begin(server_.address(), "").status()));
  EXPECT_EQ(server_.requests().size(), 1u);
  clock_.Sleep(kDiscoveryPause);
  EXPECT_TRUE(sign_in_->Begin(server_.address(), "").ok());
  EXPECT_TRUE(sign_in_->Begin(server_.address(), "").ok());
  EXPECT_EQ(server_.requests().size(), 2u);
  EXPECT_TRUE(absl::IsNotFound(sign_in_->Begin("https://evil.example", "").status()));
}

TEST(OriginOfTest, IsAsBrowsersSayItAndHttpOfThisMachineAlone) {
  for (const auto& [url, origin] : std::vector<std::pair<std::string, std::string>>{
           {"https://Turnout.example.com/", "https://turnout.example.com"},
           {"https://turnout.example.com:443", "https://turnout.example.com"},
           {"https://turnout.example.com:8443", "https://turnout.example.com:8443"},
           {"http://127.0.0.1:8470", "http://127.0.0.1:8470"},
           {"http://localhost:80", "http://localhost"},
           {"http://[::1]:8470", "http://[::1]:8470"}}) {
    ASSERT_TRUE(OriginOf(url).ok()) << url;
    EXPECT_EQ(*OriginOf(url), origin);
  }
  for (const std::string url :
       {"", "turnout.example.com", "ftp://localhost", "https://", "https://a/b", "https://a?b",
        "https://a@b", "https://a b", "https://a\r\nb", "http://turnout.example.com",
        "http://127.0.0.1.evil.example", "http://10.0.0.1"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(OriginOf(url).status())) << url;
  }
}

TEST(ErrorNameTest, NothingButAPlainNameIsPassedOn) {
  EXPECT_EQ(ErrorName("access_denied"), "access_denied");
  for (const std::string error : {"", "<b>", "Access", "a b", "a\n"}) {
    EXPECT_EQ(ErrorName(error), "no reason") << error;
  }
  EXPECT_EQ(ErrorName(std::string(41, 'a')), "no reason");
}

}  // namespace
}  // namespace turnout::manager

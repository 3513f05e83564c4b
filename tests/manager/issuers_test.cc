#include "deploy/manager/issuers.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "deploy/manager/manager_options.h"
#include "deploy/manager/manager_server.h"
#include "runtime/temporary_directory.h"
#include "state/http_client.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/token_issuer.h"

namespace turnout::manager {
namespace {

using support::FakeHttpServer;
using support::TokenIssuer;

TEST(IssuersTest, ATokenSaysWhoseItIs) {
  const auto token = [](std::string_view claims) {
    return "e30." + support::Base64Url(claims) + ".c2ln";
  };
  EXPECT_EQ(ClaimedIssuer(token(R"({"iss": "https://a"})")), "https://a");
  EXPECT_EQ(ClaimedIssuer(token(R"({"x": {"iss": "https://b"}, "iss": "https://a"})")),
            "https://a");
  for (const std::string& none :
       {std::string("token"), std::string("a.b"), token("3"), token("[\"iss\"]"), token("{}"),
        token(R"({"iss": 3})"), token(R"({"x": {"iss": "https://b"}})"), token("{"),
        token(std::string(5000, '[')), std::string(state::kTokenBytesMax + 1, '.')}) {
    EXPECT_EQ(ClaimedIssuer(none), "") << none.substr(0, 60);
  }
}

TEST(IssuersTest, NamesAndGroupsAreTheClaimsBehindThePrefix) {
  const state::TokenClaims claims{
      .subject = "42",
      .texts = {{"email", {"ada@example.com"}}, {"groups", {"fraud", "white space"}}}};
  IssuerSettings issuer{.name_claim = "email", .name_prefix = "corp:"};
  absl::StatusOr<Principal> principal = PrincipalOf(issuer, claims);
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_EQ(principal->name, "corp:ada@example.com");
  EXPECT_EQ(principal->groups, std::vector<std::string>{"group:corp:fraud"});
  EXPECT_TRUE(IsNamed(*principal, "group:corp:fraud"));
  EXPECT_FALSE(IsNamed(*principal, "ada@example.com"));
  issuer.name_claim = "sub";
  EXPECT_EQ(PrincipalOf(issuer, claims)->name, "corp:42");
  const state::TokenClaims pretender{.subject = "group:platform"};
  EXPECT_TRUE(absl::IsPermissionDenied(PrincipalOf(IssuerSettings(), pretender).status()));
  EXPECT_FALSE(IsNamed(Principal{.name = "group:platform"}, "group:platform"));
  for (const std::string claim : {"nickname", "groups"}) {
    issuer.name_claim = claim;
    EXPECT_TRUE(absl::IsPermissionDenied(PrincipalOf(issuer, claims).status())) << claim;
  }
}

// A manager that takes the tokens of one identity provider and of one cluster.
class IssuedTokensTest : public testing::Test {
 protected:
  IssuedTokensTest()
      : provider_([this](const FakeHttpServer::Request&) {
          return FakeHttpServer::Reply{.body = support::KeySetOf({signer_.CurveKey("k")})};
        }) {}

  void Start() {
    ManagerOptions options{.data = directory_.path() + "/data", .listen = "127.0.0.1:0"};
    for (const auto& [name, kind] :
         {std::pair("/people", PrincipalKind::kPerson), {"/pods", PrincipalKind::kRouter}}) {
      options.issuers.push_back(
          {.issuer = {.demands = {.issuer = provider_.address() + name, .audience = "turnout"},
                      .keys_url = provider_.address() + "/keys"},
           .kind = kind});
    }
    options.grants = {
        {.principal = "group:platform", .service = "*", .team = "*", .role = Role::kAdmin},
        {.principal = kPod, .service = "orders", .team = "*", .role = Role::kViewer}};
    absl::StatusOr<std::unique_ptr<ManagerServer>> started = ManagerServer::Start(options);
    ASSERT_TRUE(started.ok()) << started.status();
    manager_ = *std::move(started);
  }

  std::string Token(std::string_view issuer, std::string_view subject, std::string_view more = "",
                    int64_t life_s = 600) {
    return signer_.Curve(R"({"alg":"ES256","kid":"k"})",
                         absl::StrFormat(R"({"iss":"%s/%s","sub":"%s","aud":"turnout","exp":%d%s})",
                                         provider_.address(), issuer, subject,
                                         absl::ToUnixSeconds(absl::Now()) + life_s, more));
  }

  state::HttpResponse Ask(const std::string& method, const std::string& path,
                          const std::string& token, const std::string& body = "") {
    state::HttpRequest request{.method = method,
                               .url = manager_->url() + path,
                               .headers = {{"Authorization", "Bearer " + token}},
                               .body = body};
    absl::StatusOr<state::HttpResponse> answer = http_.Send(request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : state::HttpResponse();
  }

  static constexpr const char* kPod = "system:serviceaccount:orders:router";
  const TokenIssuer signer_;
  FakeHttpServer provider_;
  runtime::TemporaryDirectory directory_;
  std::unique_ptr<ManagerServer> manager_;
  state::HttpClient http_{{.direct = true}};
};

TEST_F(IssuedTokensTest, PeopleAndPodsMayWhatTheirNamesAndGroupsAreGranted) {
  Start();
  const std::string admin = Token("people", "ada", R"(,"groups":["platform"])");
  const std::string rules =
      "team: fraud\ndestinations: [fraud.*]\nrules:\n"
      "  - {name: all, match: {type: [a]}, to: fraud.all}\n";
  std::string text;
  for (const char byte : rules) text += byte == '\n' ? std::string("\\n") : std::string(1, byte);
  const std::string put = R"({"text":")" + text + R"(","why":"begin"})";
  const std::string item = "/v1/services/orders/items/rules/fraud";

  const std::string guest = Token("people", "bob", R"(,"groups":["fraud"])");
  EXPECT_EQ(Ask("PUT", item, guest, put).status, 403);
  EXPECT_EQ(Ask("PUT", item, admin, put).status, 201);
  EXPECT_NE(Ask("GET", item + "/versions", admin).body.find("\"by\":\"ada\""), std::string::npos);

  const std::string pod = Token("pods", kPod);
  EXPECT_EQ(Ask("GET", "/v1/services/orders/rules", pod).status, 200);
  EXPECT_EQ(Ask("GET", "/v1/services/billing/rules", pod).status, 403);
  EXPECT_EQ(Ask("PUT", item, pod, put).status, 403);
}

TEST_F(IssuedTokensTest, ATokenThatDoesNotHoldIsAnsweredWithTheReason) {
  Start();
  const std::string path = "/v1/whoami";
  EXPECT_EQ(Ask("GET", path, Token("people", "ada")).status, 200);
  const state::HttpResponse over = Ask("GET", path, Token("people", "ada", "", -600));
  EXPECT_EQ(over.status, 401);
  EXPECT_NE(over.body.find("it has ended"), std::string::npos) << over.body;
  EXPECT_EQ(Ask("GET", path, Token("strangers", "ada")).status, 401);
  std::string forged = Token("people", "ada");
  forged[forged.size() - 5] = forged[forged.size() - 5] == 'A' ? 'B' : 'A';
  EXPECT_EQ(Ask("GET", path, forged).status, 401);
}

TEST(ManagerOptionsTest, IssuersAndGrantsAreReadOrRefusedWithTheirPlace) {
  const runtime::TemporaryDirectory directory;
  const std::string file = directory.path() + "/manager.yaml";
  const auto load = [&file](std::string_view text) {
    std::ofstream(file) << "data: d\n" << text;
    return LoadManagerOptions(file, {.listen = ""});
  };
  const absl::StatusOr<ManagerOptions> good = load(
      "issuers:\n"
      "  - {issuer: https://id, audience: turnout, name_claim: email, client_id: page,\n"
      "     client_secret_file: secret, scopes: openid email, title: Example}\n"
      "  - {issuer: https://k8s, audience: turnout, kind: router, keys_url: https://k8s/jwks}\n"
      "public_url: https://Turnout.example.com/\n"
      "grants: [{principal: group:platform, role: admin}]\n");
  ASSERT_TRUE(good.ok()) << good.status();
  ASSERT_EQ(good->issuers.size(), 2u);
  EXPECT_EQ(good->issuers[0].name_claim, "email");
  EXPECT_EQ(good->issuers[0].client.id, "page");
  EXPECT_EQ(good->issuers[0].client.scopes, "openid email");
  EXPECT_EQ(good->public_url, "https://turnout.example.com");
  EXPECT_EQ(good->issuers[1].kind, PrincipalKind::kRouter);
  ASSERT_EQ(good->grants.size(), 1u);
  EXPECT_EQ(good->grants[0].service, "*");

  const std::vector<std::pair<std::string, std::string>> cases = {
      {"tokens: t\nissuers: 3\n", "3:10: that is to be a list"},
      {"issuers: [3]\n", "2:11: that is to be an object"},
      {"issuers: [{issuer: https://id}]\n", "`audience`"},
      {"issuers: [{issuer: a, audience: b, kind: pod}]\n", "person or router"},
      {"issuers: [{issuer: a, audience: b, audiance: c}]\n", "unknown key `audiance`"},
      {"issuers: [{issuer: a, audience: b}, {issuer: a, audience: c}]\n", "there already"},
      {"issuers: [{issuer: a, audience: b}]\ngrants: [{role: admin}]\n", "`principal`"},
      {"issuers: [{issuer: a, audience: b}]\ngrants: [{principal: p, role: owner}]\n", "`owner`"},
      {"", "--tokens FILE"},
      {"issuers: [{issuer: a, audience: b, client_id: c}]\n", "`public_url`"},
      {"issuers: [{issuer: a, audience: b, client_id: c}]\npublic_url: http://a\n", "https://"},
      {"public_url: https://a\nissuers: [{issuer: a, audience: b, client_id: c, kind: router}]\n",
       "of people who sign in"},
      {"public_url: https://a\nissuers: [{issuer: a, audience: b, client_id: c, scopes: email}]\n",
       "`openid`"},
      {"issuers: [{issuer: a, audience: b, title: T}]\n", "`client_id` as well"},
  };
  for (const auto& [text, words] : cases) {
    const absl::Status refused = load(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << text;
    EXPECT_NE(refused.message().find(words), std::string::npos) << refused;
  }
}

}  // namespace
}  // namespace turnout::manager

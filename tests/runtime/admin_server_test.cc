// Pages, and who may enter them. What bad manners come to is in slow_clients_test.cc, TLS in
// admin_tls_test.cc.
#include "runtime/admin_server.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/raw_client.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using support::Ask;
using support::Get;
using support::Post;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

std::unique_ptr<AdminServer> StartServer(AdminServerOptions options, std::vector<AdminPage> pages) {
  if (options.listen == AdminServerOptions().listen) options.listen = "127.0.0.1:0";
  auto server = AdminServer::Start(std::move(options), std::move(pages));
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

AdminPage Page(std::string path, int status, std::string body,
               AdminAccess access = AdminAccess::kStatus) {
  return {.path = std::move(path),
          .answer =
              [=] {
                return AdminAnswer{status, "application/json", body};
              },
          .access = access};
}

AdminPage PostPage(std::string path, AdminAccess access) {
  return {.path = std::move(path),
          .post = [](const std::string& body) { return AdminAnswer{.body = "got " + body}; },
          .access = access};
}

std::vector<AdminPage> PagesOfAllKinds() {
  return {Page("/metrics", 200, "metrics", AdminAccess::kAll),
          Page("/v1/status", 200, "status", AdminAccess::kStatus),
          PostPage("/v1/explain", AdminAccess::kShows),
          PostPage("/v1/rules/rollback", AdminAccess::kChanges)};
}

TEST(AdminServerTest, PortZeroTakesAFreeOneAndTheAddressNamesIt) {
  const auto server = StartServer({}, {Page("/healthz", 200, "{}")});
  EXPECT_THAT(server->address(), MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
  EXPECT_EQ(server->url(), "http://" + server->address());
  EXPECT_THAT(Get(server->address(), "/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST(AdminServerTest, APageDecidesItsStatusAndBody) {
  const auto server = StartServer({}, {Page("/readyz", 503, "{\"ok\":false}")});
  const std::string answer = Get(server->address(), "/readyz?verbose=1");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("{\"ok\":false}"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json"));
}

// So that no page can be made to run or to fetch what is somebody else's.
TEST(AdminServerTest, EveryAnswerTellsBrowsersToTrustNobodyElse) {
  const auto server = StartServer({}, PagesOfAllKinds());
  for (const std::string& answer :
       {Get(server->address(), "/metrics"), Get(server->address(), "/none"),
        Get(server->address(), "/v1/status", "X: a\r\n b\r\n"),
        Post(server->address(), "/v1/explain", "x", "Origin: http://example.com\r\n")}) {
    EXPECT_THAT(answer,
                HasSubstr("Content-Security-Policy: default-src 'none'; connect-src 'self'"));
    EXPECT_THAT(answer, HasSubstr("frame-ancestors 'none'\r\n"));
    EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(answer, HasSubstr("X-Frame-Options: DENY\r\n"));
    EXPECT_THAT(answer, HasSubstr("Cross-Origin-Resource-Policy: same-origin\r\n"));
    EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("unsafe")));
    EXPECT_THAT(answer, Not(HasSubstr("Access-Control-Allow")));
  }
}

TEST(AdminServerTest, AnUnknownPathIs404InJsonNamingThePages) {
  const auto server = StartServer({}, {Page("/healthz", 200, "{}"), Page("/metrics", 200, "")});
  for (const char* path : {"/", "/healthz/", "/metricsx", "/v1/../metrics", "/%6detrics/"}) {
    const std::string answer = Get(server->address(), path);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 404")) << path;
    EXPECT_THAT(answer, HasSubstr("{\"error\":\"no such page; there are: /healthz, /metrics\"}"));
  }
}

TEST(AdminServerTest, APostIsAnsweredWithItsBodyOrWithout) {
  const auto server = StartServer({}, {PostPage("/change", AdminAccess::kChanges)});
  EXPECT_THAT(Post(server->address(), "/change", "this"), HasSubstr("got this"));
  EXPECT_THAT(Ask(server->address(), "POST /change HTTP/1.1\r\nHost: localhost\r\n\r\n"),
              HasSubstr("got "));
  const std::string read = Get(server->address(), "/change");
  EXPECT_THAT(read, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(read, HasSubstr("Allow: POST\r\n"));
  EXPECT_THAT(Post(server->address(), "/change", std::string(100'000, 'x')),
              StartsWith("HTTP/1.1 413"));
}

TEST(AdminServerTest, AnotherMethodIs405InJson) {
  const auto server = StartServer({}, {Page("/metrics", 200, "")});
  const std::string answer = Post(server->address(), "/metrics", "abc");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_THAT(answer, HasSubstr("{\"error\":\"this page is only read: use GET\"}"));
}

TEST(AdminServerTest, AHeadRequestGetsNoBody) {
  const auto server = StartServer({}, {Page("/metrics", 200, "the body")});
  const std::string answer =
      Ask(server->address(), "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("the body")));
}

TEST(AdminServerTest, ARangeHeaderDoesNotMultiplyThePage) {
  const auto server = StartServer({}, {Page("/metrics", 200, "0123456789")});
  const std::string answer = Get(server->address(), "/metrics", "Range: bytes=0-9,0-9,0-9,0-9\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\n0123456789"));
}

// --- who may what

TEST(AdminServerTest, NoWebPageMayChangeSomethingOrBeShownEvents) {
  const auto server = StartServer({}, PagesOfAllKinds());
  const std::string origin = "Origin: http://example.com\r\n";
  const std::string change = Post(server->address(), "/v1/rules/rollback", "x", origin);
  EXPECT_THAT(change, StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(change, HasSubstr("this changes something, and no web page may"));
  const std::string shown = Post(server->address(), "/v1/explain", "x", origin);
  EXPECT_THAT(shown, StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(shown, HasSubstr("this shows events"));
}

// A page from a name that was made to point at this machine sends that name as Host.
TEST(AdminServerTest, OnThisMachineAloneOnlyItsOwnNamesAreAnswered) {
  const auto server = StartServer({}, PagesOfAllKinds());
  const auto ask = [&](const std::string& method, const std::string& path,
                       const std::string& host) {
    return Ask(server->address(),
               absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: ", host, "\r\n\r\n"));
  };
  for (const char* host : {"evil.example", "evil.example:9464", "127.0.0.1.evil.example",
                           "localhost.evil.example", "10.0.0.1", "[::2]:9464", ""}) {
    EXPECT_THAT(ask("GET", "/v1/status", host), StartsWith("HTTP/1.1 403")) << host;
    EXPECT_THAT(ask("POST", "/v1/explain", host), StartsWith("HTTP/1.1 403")) << host;
    EXPECT_THAT(ask("POST", "/v1/rules/rollback", host), StartsWith("HTTP/1.1 403")) << host;
    EXPECT_THAT(ask("GET", "/metrics", host), StartsWith("HTTP/1.1 200")) << host;
  }
  for (const char* host :
       {"localhost", "LOCALHOST:9464", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:9464"}) {
    EXPECT_THAT(ask("GET", "/v1/status", host), StartsWith("HTTP/1.1 200")) << host;
    EXPECT_THAT(ask("POST", "/v1/explain", host), StartsWith("HTTP/1.1 200")) << host;
  }
  EXPECT_THAT(Ask(server->address(), "GET /v1/status HTTP/1.0\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));
}

TEST(AdminServerTest, ListeningToMoreWithoutTokenAndTlsItShowsNoEventsAndChangesNothing) {
  const support::TempDirectory directory;
  const std::string token_file = directory.Write("token", "s3cret-one");
  for (const std::string& file : {std::string(), token_file}) {
    const auto server = StartServer({.listen = "0.0.0.0:0", .token_file = file}, PagesOfAllKinds());
    const std::string cure = file.empty() ? "set admin.token_file and admin.tls" : "set admin.tls";
    for (const char* path : {"/v1/rules/rollback", "/v1/explain"}) {
      const std::string answer =
          Post(server->address(), path, "x", "Authorization: Bearer s3cret-one\r\n");
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 403")) << path;
      EXPECT_THAT(answer, HasSubstr(cure)) << path;
      EXPECT_THAT(answer, Not(HasSubstr("got x"))) << path;
    }
    // Under any name: it can't know its own.
    for (const char* path : {"/metrics", "/v1/status"}) {
      EXPECT_THAT(Ask(server->address(),
                      absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: turnout.svc\r\n\r\n")),
                  StartsWith("HTTP/1.1 200"));
    }
  }
}

TEST(AdminServerTest, WithATokenWhoBearsItMayChangeSomething) {
  const support::TempDirectory directory;
  directory.Write("token", "s3cret-one\n");
  const auto server = StartServer({.token_file = directory.path() + "/token"}, PagesOfAllKinds());
  const auto change = [&](const std::string& token) {
    return Post(server->address(), "/v1/rules/rollback", "x",
                "Authorization: Bearer " + token + "\r\n");
  };
  const std::string without = Post(server->address(), "/v1/explain", "x");
  EXPECT_THAT(without, StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(without, HasSubstr("WWW-Authenticate: Bearer\r\n"));
  EXPECT_THAT(change("s3cret-two"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(change("s3cret-on"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(change("s3cret-one"), HasSubstr("got x"));
  EXPECT_THAT(Get(server->address(), "/v1/status"), HasSubstr("status"));
  directory.Write("token", "s3cret-two");
  EXPECT_THAT(change("s3cret-one"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(change("s3cret-two"), HasSubstr("got x"));
  directory.Write("token", "");
  EXPECT_THAT(change(""), StartsWith("HTTP/1.1 503"));
}

TEST(AdminServerTest, WhoGuessesTokensIsKeptWaiting) {
  const support::TempDirectory directory;
  const auto server =
      StartServer({.token_file = directory.Write("token", "s3cret-one")}, PagesOfAllKinds());
  int refused = 0;
  int kept_waiting = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string answer = Post(server->address(), "/v1/explain", "x",
                                    absl::StrCat("Authorization: Bearer guess-", i, "\r\n"));
    if (absl::StrContains(answer, "HTTP/1.1 401")) ++refused;
    if (absl::StrContains(answer, "HTTP/1.1 429") &&
        absl::StrContains(answer, "Retry-After: 1\r\n")) {
      ++kept_waiting;
    }
  }
  EXPECT_EQ(refused + kept_waiting, 40);
  EXPECT_GE(kept_waiting, 10) << "40 guesses can't have taken 20 seconds";
  EXPECT_GE(refused, 10);
  EXPECT_THAT(Get(server->address(), "/v1/status"), StartsWith("HTTP/1.1 200"));
}

// --- where it listens

TEST(AdminServerTest, AnAddressThatIsTakenIsRefusedWithReasonAndCure) {
  const auto server = StartServer({}, {});
  const auto second = AdminServer::Start({.listen = server->address()}, {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(second.status().message()),
      testing::AllOf(HasSubstr(server->address()), HasSubstr("in use"), HasSubstr("port 0")));
}

TEST(AdminServerTest, AnAddressThatCannotBeReadIsRefused) {
  for (const char* listen : {"", ":", ":80", "localhost", "127.0.0.1:", "127.0.0.1:http",
                             "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "[::1:80", "[]:80"}) {
    const auto server = AdminServer::Start({.listen = listen}, {});
    EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument) << listen;
    EXPECT_THAT(std::string(server.status().message()), HasSubstr("host:port")) << listen;
  }
}

TEST(AdminServerTest, AHostThatIsNotOursIsRefused) {
  const auto server = AdminServer::Start({.listen = "192.0.2.1:0"}, {});
  EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace turnout::runtime

#include "runtime/admin_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

// A client that says exactly what it is told to: the tests need bad manners.
class Client {
 public:
  explicit Client(const std::string& address) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
    to.sin_port = htons(static_cast<uint16_t>(port));
    ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    const timeval patience = {20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool Send(const std::string& text) const {
    return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }
  // Everything until the server closes.
  std::string ReadAll() const {
    std::string all;
    char part[4096];
    for (ssize_t got = 0; (got = ::recv(socket_, part, sizeof(part), 0)) > 0;) {
      all.append(part, static_cast<size_t>(got));
    }
    return all;
  }

 private:
  int socket_ = -1;
};

std::string Ask(const std::string& address, const std::string& request) {
  const Client client(address);
  EXPECT_TRUE(client.Send(request));
  return client.ReadAll();
}

std::string Get(const std::string& address, const std::string& path) {
  return Ask(address, absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\n\r\n"));
}

std::unique_ptr<AdminServer> StartServer(AdminServerOptions options, std::vector<AdminPage> pages) {
  options.listen = "127.0.0.1:0";
  auto server = AdminServer::Start(std::move(options), std::move(pages));
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

AdminPage Page(std::string path, int status, std::string body) {
  return {std::move(path), [=] { return AdminAnswer{status, "application/json", body}; }};
}

TEST(AdminServerTest, PortZeroTakesAFreeOneAndTheAddressNamesIt) {
  const auto server = StartServer({}, {Page("/healthz", 200, "{}")});
  EXPECT_THAT(server->address(), MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
  EXPECT_THAT(Get(server->address(), "/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST(AdminServerTest, APageDecidesItsStatusAndBody) {
  const auto server = StartServer({}, {Page("/readyz", 503, "{\"ok\":false}")});
  const std::string answer = Get(server->address(), "/readyz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("{\"ok\":false}"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json"));
}

// So that no page can be made to run or to fetch what is somebody else's.
TEST(AdminServerTest, EveryAnswerTellsBrowsersToTrustNobodyElse) {
  const auto server = StartServer({}, {Page("/healthz", 200, "{}")});
  for (const char* path : {"/healthz", "/none"}) {
    const std::string answer = Get(server->address(), path);
    EXPECT_THAT(answer,
                HasSubstr("Content-Security-Policy: default-src 'none'; connect-src 'self'"));
    EXPECT_THAT(answer, HasSubstr("frame-ancestors 'none'\r\n"));
    EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("unsafe")));
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

std::string Post(const std::string& address, const std::string& path, const std::string& body,
                 const std::string& headers = "") {
  return Ask(address, absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: x\r\n", headers,
                                   "Content-Length: ", body.size(), "\r\n\r\n", body));
}

AdminPage PostPage(std::string path, bool changes) {
  return {.path = std::move(path),
          .post = [](const std::string& body) { return AdminAnswer{.body = "got " + body}; },
          .post_changes = changes};
}

TEST(AdminServerTest, APostIsAnsweredWithItsBodyOrWithout) {
  const auto server = StartServer({}, {PostPage("/change", true)});
  EXPECT_THAT(Post(server->address(), "/change", "this"), HasSubstr("got this"));
  EXPECT_THAT(Ask(server->address(), "POST /change HTTP/1.1\r\nHost: x\r\n\r\n"),
              HasSubstr("got "));
  const std::string read = Get(server->address(), "/change");
  EXPECT_THAT(read, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(read, HasSubstr("Allow: POST\r\n"));
  EXPECT_THAT(Post(server->address(), "/change", std::string(100'000, 'x')),
              testing::Not(HasSubstr("got ")));
}

TEST(AdminServerTest, NoWebPageMayChangeSomething) {
  const auto server = StartServer({}, {PostPage("/change", true), PostPage("/ask", false)});
  const std::string origin = "Origin: http://example.com\r\n";
  EXPECT_THAT(Post(server->address(), "/change", "x", origin), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(Post(server->address(), "/ask", "x", origin), HasSubstr("got x"));
}

TEST(AdminServerTest, WithoutATokenOnlyThisMachineMayChangeSomething) {
  AdminServerOptions options;
  options.listen = "0.0.0.0:0";
  auto server = AdminServer::Start(options, {PostPage("/change", true), PostPage("/ask", false)});
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string answer = Post((*server)->address(), "/change", "x");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(answer, HasSubstr("set admin.token_file"));
  EXPECT_THAT(Post((*server)->address(), "/ask", "x"), HasSubstr("got x"));
}

TEST(AdminServerTest, WithATokenWhoBearsItMayChangeSomething) {
  const support::TempDirectory directory;
  directory.Write("token", "s3cret-one\n");
  AdminServerOptions options;
  options.token_file = directory.path() + "/token";
  const auto server = StartServer(options, {PostPage("/change", true)});
  const auto change = [&](const std::string& token) {
    return Post(server->address(), "/change", "x", "Authorization: Bearer " + token + "\r\n");
  };
  EXPECT_THAT(Post(server->address(), "/change", "x"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(change("s3cret-two"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(change("s3cret-one"), HasSubstr("got x"));
  directory.Write("token", "s3cret-two");
  EXPECT_THAT(change("s3cret-one"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(change("s3cret-two"), HasSubstr("got x"));
  directory.Write("token", "");
  EXPECT_THAT(change(""), StartsWith("HTTP/1.1 503"));
}

TEST(AdminServerTest, AnotherMethodIs405InJsonAndItsBodyIsNotRead) {
  const auto server = StartServer({}, {Page("/metrics", 200, "")});
  const std::string answer =
      Ask(server->address(),
          "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nabc");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD"));
  EXPECT_THAT(answer, HasSubstr("{\"error\":\"this page is only read: use GET\"}"));
}

TEST(AdminServerTest, AHeadRequestGetsNoBody) {
  const auto server = StartServer({}, {Page("/metrics", 200, "the body")});
  const std::string answer = Ask(server->address(), "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, Not(HasSubstr("the body")));
}

TEST(AdminServerTest, ARangeHeaderDoesNotMultiplyThePage) {
  const auto server = StartServer({}, {Page("/metrics", 200, "0123456789")});
  const std::string answer =
      Ask(server->address(),
          "GET /metrics HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9,0-9,0-9,0-9\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\n0123456789"));
}

TEST(AdminServerTest, GarbageIsAnsweredAndTheNextRequestServed) {
  const auto server = StartServer({}, {Page("/healthz", 200, "{}")});
  for (const std::string& garbage :
       {std::string("\r\n\r\n"), std::string("GET\r\n\r\n"),
        std::string("\x16\x03\x01\x02\r\n\r\n"),
        absl::StrCat("GET /", std::string(9000, 'a'), " HTTP/1.1\r\n\r\n")}) {
    EXPECT_THAT(Ask(server->address(), garbage), testing::Not(HasSubstr("200 OK")));
  }
  EXPECT_THAT(Get(server->address(), "/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST(AdminServerTest, AnEndlessHeadIsCutOffAtTheLimit) {
  const auto server = StartServer({.request_bytes_max = 10'000}, {Page("/healthz", 200, "{}")});
  const Client client(server->address());
  EXPECT_TRUE(client.Send("GET /healthz HTTP/1.1\r\n"));
  for (int i = 0; i < 100'000; ++i) {
    if (!client.Send("X-Padding: 0123456789\r\n")) break;
  }
  EXPECT_THAT(client.ReadAll(), Not(HasSubstr("200 OK")));
}

TEST(AdminServerTest, ClientsThatDripAreCutOffAndOthersAreServedMeanwhileOrSoonAfter) {
  const auto server = StartServer({.threads = 2, .connection_timeout = absl::Milliseconds(300)},
                                  {Page("/healthz", 200, "{}")});
  std::atomic<bool> done = false;
  std::vector<std::thread> drippers;
  std::atomic<int> cut_off = 0;
  for (int i = 0; i < 2; ++i) {
    drippers.emplace_back([&] {
      const Client client(server->address());
      client.Send("GET /healthz HTTP/1.1\r\nX: ");
      // Each byte comes well within any timeout of a single read.
      while (!done && client.Send("y")) absl::SleepFor(absl::Milliseconds(20));
      if (!done) ++cut_off;
    });
  }
  EXPECT_THAT(Get(server->address(), "/healthz"), StartsWith("HTTP/1.1 200"));
  const absl::Time give_up = absl::Now() + absl::Seconds(20);
  while (cut_off < 2 && absl::Now() < give_up) absl::SleepFor(absl::Milliseconds(10));
  done = true;
  for (std::thread& dripper : drippers) dripper.join();
  EXPECT_EQ(cut_off, 2);
}

TEST(AdminServerTest, ClientsThatKeepSilentHoldOthersUpForTheTimeOfARequestOnly) {
  const auto server = StartServer({.threads = 1,
                                   .request_timeout = absl::Milliseconds(100),
                                   .connection_timeout = absl::Seconds(60)},
                                  {Page("/healthz", 200, "{}")});
  std::vector<std::unique_ptr<Client>> silent;
  for (int i = 0; i < 3; ++i) {
    silent.push_back(std::make_unique<Client>(server->address()));
    silent.back()->Send("GET ");
  }
  const absl::Time began = absl::Now();
  EXPECT_THAT(Get(server->address(), "/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_LT(absl::Now() - began, absl::Seconds(30));
}

TEST(AdminServerTest, ItEndsAtOnceThoughClientsHoldConnections) {
  auto server = StartServer({.threads = 1, .connection_timeout = absl::Seconds(60)},
                            {Page("/healthz", 200, "{}")});
  std::vector<std::unique_ptr<Client>> silent;
  for (int i = 0; i < 5; ++i) silent.push_back(std::make_unique<Client>(server->address()));
  const absl::Time began = absl::Now();
  server.reset();
  EXPECT_LT(absl::Now() - began, absl::Seconds(5));
}

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

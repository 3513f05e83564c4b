// What clients with bad manners come to: the slow, the silent, the many, and those that say what
// two readers would understand in two ways.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/admin_server.h"
#include "tests/support/raw_client.h"

namespace turnout::runtime {
namespace {

using support::Ask;
using support::Get;
using support::RawClient;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Others are answered within this, whatever the clients under test do; the machine may be busy.
constexpr absl::Duration kSoon = absl::Seconds(5);
constexpr absl::Duration kNever = absl::Minutes(10);

struct Served {
  explicit Served(AdminServerOptions options) {
    options.listen = "127.0.0.1:0";
    const auto page = [](std::string body) {
      return [body = std::move(body)] { return AdminAnswer{.body = body}; };
    };
    auto started = AdminServer::Start(
        std::move(options), {{.path = "/healthz", .answer = page("{}")},
                             {.path = "/large", .answer = page(std::string(32 << 20, 'x'))},
                             {.path = "/post", .post = [](const std::string& body) {
                                return AdminAnswer{.body = absl::StrCat("got ", body)};
                              }}});
    EXPECT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
    address = server->address();
  }

  bool AnswersSoon() const {
    const absl::Time began = absl::Now();
    const std::string answer = Get(address, "/healthz");
    return absl::StartsWith(answer, "HTTP/1.1 200") && absl::Now() - began < kSoon;
  }

  std::unique_ptr<AdminServer> server;
  std::string address;
};

// Once the server has closed the connection, at most until `deadline`.
bool IsCutOffBy(absl::Time deadline, const RawClient& client) {
  while (!client.IsClosed()) {
    if (absl::Now() >= deadline) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

TEST(SlowClients, ThoseThatKeepSilentHoldNobodyUp) {
  const Served served({.threads = 1, .request_timeout = kNever, .connection_timeout = kNever});
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(std::make_unique<RawClient>(served.address));
    if (i % 2 == 0) silent.back()->Send("GET /healthz HTTP/1.1\r\nHost: ");
  }
  EXPECT_TRUE(served.AnswersSoon());
  for (const auto& client : silent) EXPECT_FALSE(client->IsClosed());
}

TEST(SlowClients, ASlowHeadOrBodyIsCutOffThoughItsBytesKeepComing) {
  const Served served({.threads = 1, .request_timeout = absl::Milliseconds(300)});
  for (const char* beginning : {"GET /healthz HTTP/1.1\r\nX: ",
                                "POST /post HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Length: 60000\r\n\r\n"}) {
    const RawClient client(served.address);
    ASSERT_TRUE(client.Send(beginning));
    const absl::Time give_up = absl::Now() + absl::Seconds(20);
    // Each byte comes well within any timeout of a single read.
    while (!client.IsClosed() && absl::Now() < give_up) {
      client.Send("y");
      absl::SleepFor(absl::Milliseconds(20));
    }
    EXPECT_LT(absl::Now(), give_up) << beginning;
    EXPECT_TRUE(served.AnswersSoon());
  }
}

TEST(SlowClients, ASlowReaderIsCutOffAndHoldsNobodyUp) {
  const Served served({.threads = 1, .connection_timeout = absl::Seconds(2)});
  const RawClient client(served.address, /*receive_buffer_bytes=*/4096);
  ASSERT_TRUE(client.Send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_TRUE(served.AnswersSoon());
  absl::SleepFor(absl::Seconds(3));
  EXPECT_LT(client.ReadAll().size(), 32 << 20);
}

TEST(SlowClients, ManySlowReadersOfLargePagesTakeBoundedMemory) {
  const Served served({.connection_timeout = absl::Minutes(1)});
  std::vector<std::unique_ptr<RawClient>> readers;
  for (int i = 0; i < 8; ++i) {  // 256 MiB in all, of which 64 may wait
    readers.push_back(std::make_unique<RawClient>(served.address, 4096));
    ASSERT_TRUE(readers.back()->Send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  }
  absl::SleepFor(absl::Seconds(2));
  // Eight pages of 32 MiB are made first, which takes a while under a sanitizer.
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  bool answers = false;
  while (!answers && absl::Now() < deadline) answers = served.AnswersSoon();
  EXPECT_TRUE(answers);
  int whole = 0;
  for (const auto& reader : readers) whole += reader->ReadAll().size() > (32 << 20) ? 1 : 0;
  EXPECT_GE(whole, 1);
  EXPECT_LE(whole, 2);
}

TEST(SlowClients, OneThatIsHalfClosedIsAnswered) {
  const Served served({});
  const RawClient client(served.address);
  ASSERT_TRUE(client.Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  client.EndSending();
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 200"));
  const RawClient unfinished(served.address);
  ASSERT_TRUE(unfinished.Send("GET /healthz HTTP/1.1\r\nHost: "));
  unfinished.EndSending();
  EXPECT_EQ(unfinished.ReadAll(), "");
}

// More of them than there are places.
TEST(SlowClients, AThousandConnectionsLeaveRoomForTheNextOne) {
  const Served served({.request_timeout = kNever, .connection_timeout = kNever});
  std::vector<std::unique_ptr<RawClient>> many;
  for (int i = 0; i < 1000; ++i) {
    many.push_back(std::make_unique<RawClient>(served.address));
    if (i % 3 == 0) many.back()->Send("GET / HTTP/1.1\r\n");
    if (i % 250 == 249) {
      EXPECT_TRUE(served.AnswersSoon()) << i;
    }
  }
  // It is the oldest that had to go.
  EXPECT_TRUE(IsCutOffBy(absl::Now() + kSoon, *many.front()));
  EXPECT_FALSE(many.back()->IsClosed());
}

TEST(SlowClients, AnEndlessHeadIsRefusedAtTheLimit) {
  const Served served({});
  const RawClient client(served.address);
  EXPECT_TRUE(client.Send("GET /healthz HTTP/1.1\r\n"));
  for (int i = 0; i < 100'000; ++i) {
    if (!client.Send("X-Padding: 0123456789\r\n")) break;
  }
  EXPECT_THAT(client.ReadAll(), Not(HasSubstr("200 OK")));
  EXPECT_THAT(Ask(served.address, absl::StrCat("GET / HTTP/1.1\r\nX: ", std::string(17'000, 'a'))),
              StartsWith("HTTP/1.1 431"));
  std::string bomb = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
  for (int i = 0; i < 2000; ++i) bomb += "a:\r\n";
  EXPECT_THAT(Ask(served.address, bomb + "\r\n"), StartsWith("HTTP/1.1 431"));
}

TEST(SlowClients, GarbageIsAnsweredAndTheNextRequestServed) {
  const Served served({});
  for (const std::string& garbage :
       {std::string("\r\n\r\n"), std::string("GET\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01", 6), std::string(300, '\0'),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        absl::StrCat("GET /", std::string(9000, 'a'), " HTTP/1.1\r\n\r\n")}) {
    EXPECT_THAT(Ask(served.address, garbage), testing::ContainsRegex("^HTTP/1.1 (400|414)"));
  }
  EXPECT_TRUE(served.AnswersSoon());
}

TEST(SlowClients, OneConnectionIsOneRequest) {
  const Served served({});
  const std::string get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string answers = Ask(served.address, absl::StrCat(get, get, get));
  EXPECT_EQ(std::vector<std::string>(absl::StrSplit(answers, "HTTP/1.1 200")).size(), 2);
  EXPECT_THAT(answers, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(Ask(served.address, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
              HasSubstr("Connection: close\r\n"));
}

// What hides a second request in the first one's body where two servers don't agree on its length.
TEST(SlowClients, ARequestOfTwoLengthsIsRefused) {
  const Served served({});
  const std::string post = "POST /post HTTP/1.1\r\nHost: localhost\r\n";
  const std::string hidden = "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const auto& [headers, status] : std::vector<std::pair<std::string, std::string>>{
           {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "400"},
           {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "400"},
           {"Content-Length: 5\r\nContent-Length: 6\r\n", "400"},
           {"Content-Length: 5\r\nContent-Length: 5\r\n", "400"},
           {"Content-Length: 5, 5\r\n", "400"},
           {"Content-Length: +5\r\n", "400"},
           {"Content-Length: -5\r\n", "400"},
           {"Content-Length: 0x5\r\n", "400"},
           {"Content-Length: 99999999999999999999\r\n", "413"},
           {"Content-Length : 5\r\n", "400"},
           {"Content-Length: 5\n", "400"},
           {"X: a\r\n Content-Length: 5\r\n", "400"},
           {"Transfer-Encoding: chunked\r\n", "411"},
           {"Transfer-Encoding: xchunked\r\n", "411"},
           {"Transfer-Encoding: identity, chunked\r\n", "411"},
           {"Transfer-Encoding:\x0b chunked\r\n", "400"}}) {
    const std::string answer = Ask(served.address, absl::StrCat(post, headers, "\r\n", hidden));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + status)) << headers;
    EXPECT_THAT(answer, Not(HasSubstr("HTTP/1.1 200"))) << headers;
  }
}

TEST(SlowClients, ABodyThatIsAnnouncedIsWaitedForAndItsSenderToldToGoOn) {
  const Served served({});
  const std::string head = "POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n";
  const RawClient client(served.address);
  ASSERT_TRUE(client.Send(absl::StrCat(head, "Expect: 100-continue\r\n\r\n")));
  absl::SleepFor(absl::Milliseconds(100));
  ASSERT_TRUE(client.Send("body"));
  EXPECT_THAT(client.ReadAll(), testing::MatchesRegex("HTTP/1.1 100 Continue\r\n\r\n"
                                                      "HTTP/1.1 200 OK\r\n(.|\r|\n)*got body"));
  EXPECT_THAT(Ask(served.address, absl::StrCat(head, "Expect: miracles\r\n\r\nbody")),
              StartsWith("HTTP/1.1 417"));
}

TEST(SlowClients, ItEndsAtOnceThoughClientsHoldConnections) {
  Served served({.threads = 1, .request_timeout = kNever, .connection_timeout = kNever});
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 5; ++i) silent.push_back(std::make_unique<RawClient>(served.address));
  const absl::Time began = absl::Now();
  served.server.reset();
  EXPECT_LT(absl::Now() - began, kSoon);
}

}  // namespace
}  // namespace turnout::runtime

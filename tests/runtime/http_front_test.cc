// Answers that are held back: given later by number, at the end, or to nobody.
#include "runtime/http_front.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/raw_client.h"

namespace turnout::runtime {
namespace {

using support::RawClient;

constexpr absl::Duration kAtMost = absl::Seconds(20);

std::string Bytes(const std::string& body) {
  return absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

// Holds whatever asks for /wait, and answers everything else with the request's query.
class Holding {
 public:
  explicit Holding(HttpFrontOptions options) {
    absl::StatusOr<ListenSocket> listener = Listen("127.0.0.1:0");
    EXPECT_TRUE(listener.ok()) << listener.status();
    address = listener->address;
    front = std::make_unique<HttpFront>(
        std::move(options), *std::move(listener),
        [this](const HttpRequest& request, const std::string&,
               uint64_t number) -> std::optional<std::string> {
          if (request.path != "/wait") return Bytes(request.query);
          const absl::MutexLock lock(&mu_);
          held_.push_back(number);
          return std::nullopt;
        },
        [](const HttpFault& fault) { return Bytes(fault.what); });
  }

  std::vector<uint64_t> AwaitHeld(size_t count) {
    absl::MutexLock lock(&mu_);
    const auto are_here = [this, count] { return held_.size() >= count; };
    EXPECT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&are_here), kAtMost));
    return held_;
  }

  std::string address;

 private:
  absl::Mutex mu_;
  std::vector<uint64_t> held_ ABSL_GUARDED_BY(mu_);

 public:
  std::unique_ptr<HttpFront> front;  // goes first: its threads use the rest
};

std::unique_ptr<RawClient> Waiting(const std::string& address) {
  auto client = std::make_unique<RawClient>(address);
  client->Send("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return client;
}

TEST(HttpFront, HoldsAHundredAnswersBackWithOneThreadThatAnswersOthers) {
  Holding holding({.threads = 1, .connection_timeout = kAtMost});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(Waiting(holding.address));
  const std::vector<uint64_t> held = holding.AwaitHeld(clients.size());
  EXPECT_THAT(support::Get(holding.address, "/now?a=1&b"), testing::EndsWith("\r\n\r\na=1&b"));
  for (const uint64_t number : held) holding.front->Give(number, Bytes("at last"));
  for (const auto& client : clients) {
    EXPECT_THAT(client->ReadAll(), testing::EndsWith("at last"));
  }
}

TEST(HttpFront, GivesAHeldAnswerItsTimeFromWhereItIsGiven) {
  // Longer held than a connection may take otherwise.
  Holding holding({.threads = 1, .connection_timeout = absl::Milliseconds(300)});
  const auto client = Waiting(holding.address);
  const uint64_t number = holding.AwaitHeld(1)[0];
  const auto other = std::make_unique<RawClient>(holding.address);
  EXPECT_EQ(other->ReadAll(), "");  // that one was silent, and is cut off by then
  holding.front->Give(number, Bytes("late"));
  EXPECT_THAT(client->ReadAll(), testing::EndsWith("late"));
}

TEST(HttpFront, CutsOffWhoIsHeldForTooLong) {
  Holding holding({.threads = 1, .hold_max = absl::Milliseconds(50)});
  EXPECT_EQ(Waiting(holding.address)->ReadAll(), "");
}

TEST(HttpFront, LetsGoOfAHeldClientThatGoesAway) {
  Holding holding({.threads = 1, .connections_max = 1});
  auto client = Waiting(holding.address);
  const uint64_t number = holding.AwaitHeld(1)[0];
  client.reset();
  EXPECT_THAT(support::Get(holding.address, "/now?here"), testing::EndsWith("here"));
  holding.front->Give(number, Bytes("to nobody"));
}

TEST(HttpFront, FinishesWhatWasGivenAndLetsGoOfTheRest) {
  Holding holding({.threads = 1});
  const auto first = Waiting(holding.address);
  const uint64_t number = holding.AwaitHeld(1)[0];
  const auto second = Waiting(holding.address);
  holding.AwaitHeld(2);
  holding.front->Give(number, Bytes("the end"));
  holding.front->Finish(kAtMost);
  EXPECT_THAT(first->ReadAll(), testing::EndsWith("the end"));
  EXPECT_EQ(second->ReadAll(), "");
}

TEST(HttpFront, RefusesBodiesThatTogetherAreTooLarge) {
  Holding holding({.threads = 1, .body_bytes_max = 100, .bodies_bytes_max = 150});
  const RawClient slow(holding.address);
  const std::string head = "POST /now HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\n";
  slow.Send(head + "a");
  std::string answer;
  // Which of the two heads is read first is the machine's to say.
  const RawClient other(holding.address);
  other.Send(head + std::string(90, 'b'));
  answer = other.ReadAll();
  slow.Send(std::string(89, 'a'));
  const std::string slow_answer = slow.ReadAll();
  EXPECT_THAT(answer + slow_answer, testing::HasSubstr("too many requests are large"));
}

// Of bodies that are announced, and don't come, nobody else hears.
TEST(HttpFront, HoldsNobodyUpForBodiesThatAreSentByHalf) {
  Holding holding({.threads = 1, .body_bytes_max = 100'000, .bodies_bytes_max = 150'000});
  const std::string head = "POST /now HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n\r\n";
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(std::make_unique<RawClient>(holding.address));
    slow.back()->Send(head + "a");
  }
  const RawClient other(holding.address);
  other.Send(head + std::string(90'000, 'b'));
  EXPECT_THAT(other.ReadAll(), testing::HasSubstr("200"));
}

}  // namespace
}  // namespace turnout::runtime

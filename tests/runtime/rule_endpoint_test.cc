#include "runtime/rule_endpoint.h"

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/admin_server.h"
#include "runtime/config.h"
#include "runtime/rule_origins.h"
#include "tests/support/certificates.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using support::FakeHttpServer;
using testing::HasSubstr;
using Fault = FakeHttpServer::Fault;
using Reply = FakeHttpServer::Reply;
using Request = FakeHttpServer::Request;

constexpr absl::Duration kPatience = absl::Seconds(20);

std::string Document(const std::string& text) {
  return absl::StrCat(R"({"files": {"a.yaml": ")", text, R"("}})");
}

Reply Version(const std::string& text) {
  return {.body = Document(text), .headers = {{"ETag", absl::StrCat("\"", text, "\"")}}};
}

// An endpoint and what came of it.
class Asked {
 public:
  explicit Asked(RuleEndpointOptions options) {
    options.instance = "router-0";
    options.pause = absl::Milliseconds(20);
    options.pause_max = absl::Milliseconds(50);
    options.on_news = [this] {
      absl::MutexLock lock(&mu_);
      ++news_;
    };
    endpoint = std::make_unique<RuleEndpoint>(std::move(options));
  }

  // The text of a.yaml once there is another version.
  std::string Next() {
    std::optional<RuleFiles> files;
    Until([&] { return (files = endpoint->Take(absl::Now())).has_value(); });
    if (!files.has_value()) return "(nothing came)";
    taken = *files;
    return taken.files.contains("a.yaml") ? *taken.files["a.yaml"].text : "(no file)";
  }
  std::string Problem(const std::string& with) {
    Until([&] { return endpoint->status().problem.find(with) != std::string::npos; });
    return endpoint->status().problem;
  }
  void Until(const std::function<bool()>& happened) {
    const absl::Time give_up = absl::Now() + kPatience;
    while (!happened() && absl::Now() < give_up) {
      absl::MutexLock lock(&mu_);
      const int before = news_;
      const auto is_news = [&] { return news_ != before; };
      mu_.AwaitWithTimeout(absl::Condition(&is_news), absl::Milliseconds(5));
    }
  }

  RuleFiles taken;

 private:
  absl::Mutex mu_;
  int news_ = 0;

 public:
  std::unique_ptr<RuleEndpoint> endpoint;  // ends before what it calls
};

TEST(RuleEndpoint, TakesAVersionAndAsksForTheNextWithItsETagAndForAWait) {
  std::atomic<int> question{0};
  FakeHttpServer server([&](const Request&) -> Reply {
    switch (question++) {
      case 0:
        return Version("one");
      case 1:
        return {.status = 304};
      case 2:
        return Version("two");
      default:
        return {.status = 304};
    }
  });
  Asked asked({.url = server.address() + "/rules?group=g", .wait = absl::Seconds(7)});
  EXPECT_EQ(asked.Next(), "one");
  EXPECT_TRUE(asked.taken.is_complete);
  EXPECT_EQ(asked.Next(), "two");
  const RuleOriginStatus status = asked.endpoint->status();
  EXPECT_EQ(status.version, "\"two\"");
  EXPECT_EQ(status.name, server.address() + "/rules");
  EXPECT_EQ(status.problem, "");
  EXPECT_TRUE(status.has_answered);
  const std::vector<Request> requests = server.requests();
  EXPECT_EQ(requests[0].target, "/rules?group=g");
  EXPECT_EQ(requests[0].headers.at("turnout-instance"), "router-0");
  EXPECT_EQ(requests[0].headers.count("if-none-match"), 0u);
  EXPECT_EQ(requests[0].headers.count("authorization"), 0u);
  EXPECT_EQ(requests[1].target, "/rules?group=g&wait=7");
  EXPECT_EQ(requests[1].headers.at("if-none-match"), "\"one\"");
}

TEST(RuleEndpoint, AWaitingAnswerIsTakenAtOnce) {
  absl::Mutex mu;
  bool is_released = false;
  std::atomic<int> question{0};
  FakeHttpServer server([&](const Request&) -> Reply {
    if (question++ == 0) return Version("one");
    absl::MutexLock lock(&mu);
    mu.AwaitWithTimeout(absl::Condition(&is_released), kPatience);
    return Version("two");
  });
  Asked asked({.url = server.address()});
  EXPECT_EQ(asked.Next(), "one");
  asked.Until([&] { return question == 2; });
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(question, 2) << "it is waited for, not asked for again";
  {
    absl::MutexLock lock(&mu);
    is_released = true;
  }
  EXPECT_EQ(asked.Next(), "two");
}

TEST(RuleEndpoint, ATokenIsReadAnewWhenItRotates) {
  const support::TempDirectory directory;
  const std::string file = directory.Write("token", "rotated-token-1\n");
  FakeHttpServer server([&](const Request& request) -> Reply {
    const auto token = request.headers.find("authorization");
    if (token == request.headers.end() || token->second != "Bearer rotated-token-2") {
      return {.status = 401, .body = "who are you?\nmore"};
    }
    return Version("one");
  });
  Asked asked({.url = server.address() + "/rules", .token_file = file});
  const std::string problem = asked.Problem("401");
  EXPECT_THAT(problem, HasSubstr("/rules answers 401: who are you? (see that it takes the token"));
  EXPECT_THAT(problem, HasSubstr(file));
  EXPECT_FALSE(asked.endpoint->status().has_answered);
  directory.Write("token", "rotated-token-2\n");
  EXPECT_EQ(asked.Next(), "one");
  asked.Until([&] { return asked.endpoint->status().problem.empty(); });
  directory.Write("token", "");
  EXPECT_THAT(asked.Problem("holds no token"), HasSubstr(file));
}

TEST(RuleEndpoint, AnErrorIsToldAndTriedAgain) {
  std::atomic<int> status{500};
  FakeHttpServer server([&](const Request&) -> Reply {
    if (status == 200) return Version("one");
    return {.status = status, .body = "no"};
  });
  Asked asked({.url = server.address()});
  EXPECT_THAT(asked.Problem("500"), HasSubstr("answers 500: no (see what is wrong there)"));
  status = 404;
  EXPECT_THAT(asked.Problem("404"), HasSubstr("`rules` names the right place"));
  status = 302;
  EXPECT_THAT(asked.Problem("302"), HasSubstr("nobody is followed"));
  status = 304;
  EXPECT_THAT(asked.Problem("304"), HasSubstr("answers 304")) << "nothing was asked about";
  status = 200;
  EXPECT_EQ(asked.Next(), "one");
}

TEST(RuleEndpoint, WhatIsCutOrTooLargeIsNotTaken) {
  std::atomic<Fault> fault{Fault::kCut};
  FakeHttpServer server([&](const Request&) -> Reply {
    Reply reply = Version("one");
    reply.fault = fault;
    return reply;
  });
  Asked asked({.url = server.address(), .bytes_max = 1000});
  EXPECT_NE(asked.Problem("GET"), "");
  fault = Fault::kEndless;
  EXPECT_THAT(asked.Problem("more than 1000 bytes"), HasSubstr(server.address()));
  EXPECT_FALSE(asked.endpoint->Take(absl::Now()).has_value());
  fault = Fault::kNone;
  EXPECT_EQ(asked.Next(), "one");
}

TEST(RuleEndpoint, ADocumentThatCannotBeReadIsRefusedAndAskedForOnce) {
  std::atomic<bool> is_mended{false};
  FakeHttpServer server([&](const Request& request) -> Reply {
    if (is_mended) return Version("two");
    const auto known = request.headers.find("if-none-match");
    if (known != request.headers.end() && known->second == "\"bad\"") return {.status = 304};
    return {.body = R"({"files": 7})", .headers = {{"ETag", "\"bad\""}}};
  });
  Asked asked({.url = server.address()});
  EXPECT_EQ(asked.Next(), "(no file)");
  EXPECT_FALSE(asked.taken.is_complete);
  EXPECT_THAT(FormatRefused(asked.taken.refused), HasSubstr("has `files` that is no object"));
  EXPECT_EQ(asked.endpoint->status().version, "\"bad\"");
  EXPECT_EQ(asked.endpoint->status().problem, "") << "it is the document's, not the way's";
  is_mended = true;
  EXPECT_EQ(asked.Next(), "two");
  EXPECT_TRUE(asked.taken.refused.empty());
}

TEST(RuleEndpoint, WithoutETagsWhatIsTheSameIsNoNews) {
  std::atomic<int> question{0};
  FakeHttpServer server(
      [&](const Request&) -> Reply { return {.body = Document(question++ < 3 ? "one" : "two")}; });
  Asked asked({.url = server.address()});
  EXPECT_EQ(asked.Next(), "one");
  EXPECT_EQ(asked.Next(), "two");
  EXPECT_GE(question, 4);
  EXPECT_EQ(server.requests()[1].target, "/") << "nothing to wait against";
}

TEST(RuleEndpoint, ItsEndWaitsForNoAnswer) {
  FakeHttpServer server([&](const Request&) -> Reply { return {.fault = Fault::kHang}; });
  auto asked = std::make_unique<Asked>(RuleEndpointOptions{.url = server.address()});
  asked->Until([&] { return !server.requests().empty(); });
  const absl::Time begun = absl::Now();
  asked.reset();
  EXPECT_LT(absl::Now() - begun, absl::Seconds(5));
}

TEST(RuleEndpoint, TlsTakesAServerOfItsAuthoritiesAndNoOther) {
  const support::TempDirectory directory;
  const support::CertificatePaths ours_files = support::MakeCertificate(directory.path(), "ours");
  support::MakeCertificate(directory.path(), "theirs");
  const auto server = AdminServer::Start(
      {.listen = "127.0.0.1:0",
       .certificate_file = ours_files.certificate,
       .key_file = ours_files.key},
      {{.path = "/rules", .answer = [] { return AdminAnswer{.body = Document("one")}; }}});
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string url = absl::StrCat((*server)->url(), "/rules");
  {
    Asked ours({.url = url, .ca_bundle = directory.path() + "/ours.pem"});
    EXPECT_EQ(ours.Next(), "one");
    Asked theirs({.url = url, .ca_bundle = directory.path() + "/theirs.pem"});
    EXPECT_THAT(theirs.Problem("certificate"), HasSubstr("certificate"));
    EXPECT_FALSE(theirs.endpoint->Take(absl::Now()).has_value());
  }
}

TEST(RuleEndpoint, ATokenThatTravelsInTheClearIsWarnedOf) {
  Config config;
  config.rules_from.token_file = "token";
  for (const char* const url : {"http://0.0.0.0:1/reports?x", "http://127.0.0.1:1/reports",
                                "http://localhost/", "https://0.0.0.0:1/reports"}) {
    config.rules_from.report_to = url;
    testing::internal::CaptureStderr();
    EXPECT_NE(MakeRuleReporter(config, {}), nullptr);
    const std::string logged = testing::internal::GetCapturedStderr();
    const bool is_open = config.rules_from.report_to.find("http://0.0.0.0") == 0;
    EXPECT_EQ(logged.find("use https:// in rules_from.report_to") != std::string::npos, is_open)
        << url << logged;
  }
}

}  // namespace
}  // namespace turnout::runtime

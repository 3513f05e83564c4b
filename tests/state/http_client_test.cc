#include "state/http_client.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/temp_directory.h"

namespace turnout::state {
namespace {

using support::FakeHttpServer;
using ::testing::HasSubstr;
using Fault = FakeHttpServer::Fault;
using Reply = FakeHttpServer::Reply;
using Request = FakeHttpServer::Request;

constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

HttpClient Impatient() {
  return HttpClient(
      {.connect_timeout = absl::Seconds(1), .stall_timeout = absl::Seconds(1), .direct = true});
}

TEST(HttpClient, SendsWhatItIsToldAndReturnsWhatIsAnswered) {
  FakeHttpServer server([](const Request&) {
    return Reply{.status = 404, .body = "no", .headers = {{"X-Thing", " some  value "}}};
  });
  HttpClient client({.direct = true});
  const auto answer = client.Send({.method = "PUT",
                                   .url = server.address() + "/a%20b/../c?x=1&y",
                                   .headers = {{"Host", "bucket.example"}, {"X-Empty", ""}},
                                   .body = "the body"});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->body, "no");
  EXPECT_EQ(answer->Header("x-thing"), "some  value");
  EXPECT_EQ(answer->Header("x-other"), "");
  const Request request = server.requests().at(0);
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.target, "/a%20b/../c?x=1&y");
  EXPECT_EQ(request.headers.at("host"), "bucket.example");
  EXPECT_EQ(request.headers.at("x-empty"), "");
  EXPECT_EQ(request.headers.count("expect"), 0u);
  EXPECT_EQ(request.body, "the body");
}

TEST(HttpClient, KnowsTheMethodsOfS3) {
  FakeHttpServer server([](const Request& request) { return Reply{.body = request.method}; });
  HttpClient client({.direct = true});
  for (const std::string method : {"GET", "HEAD", "DELETE", "POST", "PUT"}) {
    const auto answer = client.Send({.method = method, .url = server.address() + "/"});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->body, method == "HEAD" ? "" : method);
  }
  EXPECT_EQ(server.connections(), 1) << "the connection is used again";
}

TEST(HttpClient, SendsTheBodiesOfAPatchAndOfADeleteThatHasOne) {
  FakeHttpServer server([](const Request& request) { return Reply{.body = request.body}; });
  HttpClient client({.direct = true});
  for (const std::string method : {"PATCH", "DELETE", "PATCH"}) {
    const auto answer =
        client.Send({.method = method, .url = server.address() + "/", .body = "of " + method});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->body, "of " + method);
  }
  EXPECT_EQ(server.requests().at(1).method, "DELETE");
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, AClientsCertificateThatIsNotThereIsAPersonsToMend) {
  HttpClient client(
      {.certificate_file = "/no/such.crt", .key_file = "/no/such.key", .direct = true});
  FakeHttpServer server([](const Request&) { return Reply{}; });
  std::string url = server.address();
  url.replace(0, 4, "https");
  const absl::Status status = client.Send({.url = url + "/"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.ToString(), HasSubstr("certificate and its key"));
}

TEST(HttpClient, SendsAPartOfAFileAndHandsOnAnAnswerInPieces) {
  const support::TempDirectory directory;
  std::string content(3'000'000, 'a');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i % 23);
  const std::string path = directory.Write("file", content);
  FakeHttpServer server([](const Request& request) { return Reply{.body = request.body}; });
  HttpClient client({.direct = true});
  std::string received;
  int told = 0;
  const auto answer = client.Send({.method = "POST",
                                   .url = server.address(),
                                   .file_path = path,
                                   .file_offset = 1'000'000,
                                   .file_bytes = 1'500'000,
                                   .sink =
                                       [&](std::string_view piece) {
                                         received += piece;
                                         return absl::OkStatus();
                                       },
                                   .on_headers =
                                       [&](int status, const HttpHeaders& headers) {
                                         ++told;
                                         EXPECT_EQ(status, 200);
                                         EXPECT_EQ(HeaderOf(headers, "content-length"), "1500000");
                                         return absl::OkStatus();
                                       }});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(received == content.substr(1'000'000, 1'500'000));
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(told, 1);

  EXPECT_EQ(client.Send({.method = "PUT", .url = server.address(), .file_path = path + "x"})
                .status()
                .code(),
            absl::StatusCode::kNotFound);
  const auto shorter = client.Send({.method = "PUT",
                                    .url = server.address(),
                                    .file_path = path,
                                    .file_bytes = content.size() + 1});
  EXPECT_THAT(shorter.status().ToString(), HasSubstr("shorter than it was"));
}

TEST(HttpClient, AFileIsSentAnewOverAConnectionThatWasClosedQuietly) {
  const support::TempDirectory directory;
  const std::string path = directory.Write("file", std::string(200'000, 'f'));
  FakeHttpServer server([](const Request&) { return Reply{.fault = Fault::kQuietClose}; });
  HttpClient client({.direct = true});
  for (int i = 0; i < 5; ++i) {
    const auto answer = client.Send(
        {.method = "PUT", .url = server.address(), .file_path = path, .file_bytes = 200'000});
    ASSERT_TRUE(answer.ok()) << answer.status();
  }
  for (const Request& request : server.requests()) EXPECT_EQ(request.body.size(), 200'000u);
}

TEST(HttpClient, EveryFaultOfTheConnectionIsUnavailable) {
  Fault fault = Fault::kNone;
  FakeHttpServer server(
      [&](const Request&) { return Reply{.body = std::string(100'000, 'x'), .fault = fault}; });
  HttpClient client = Impatient();
  for (const Fault next : {Fault::kCut, Fault::kReset, Fault::kResetInBody, Fault::kHangInBody}) {
    fault = next;
    const auto answer = client.Send({.url = server.address() + "/x?secret=1"});
    EXPECT_EQ(answer.status().code(), kUnavailable) << static_cast<int>(next);
    EXPECT_THAT(answer.status().ToString(), HasSubstr("GET " + server.address() + "/x:"));
  }
  EXPECT_EQ(client.Send({.url = "http://127.0.0.1:1/"}).status().code(), kUnavailable);
  EXPECT_EQ(client.Send({.url = "http://no-such-host.invalid/"}).status().code(), kUnavailable);
}

TEST(HttpClient, WaitsNoLongerThanItIsTold) {
  FakeHttpServer server([](const Request&) { return Reply{.fault = Fault::kHang}; });
  HttpClient client({.direct = true});
  const auto answer =
      client.Send({.url = server.address(), .timeout = absl::Milliseconds(200), .may_stall = true});
  EXPECT_EQ(answer.status().code(), kUnavailable);
  EXPECT_THAT(answer.status().ToString(), HasSubstr("timed out"));
}

TEST(HttpClient, IsStoppedInTheMidstOfAnExchange) {
  std::atomic<bool> stop{false};
  FakeHttpServer server([&](const Request&) {
    stop = true;
    return Reply{.fault = Fault::kHang};
  });
  HttpClient client({.direct = true});
  const absl::Time begin = absl::Now();
  const auto answer = client.Send({.url = server.address(), .may_stall = true, .stop = &stop});
  EXPECT_EQ(answer.status().code(), kUnavailable);
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10)) << "of the minute that it may take";
}

TEST(HttpClient, KeepsNoMoreOfAnAnswerThanIsAllowed) {
  int status = 200;
  FakeHttpServer server(
      [&](const Request&) { return Reply{.status = status, .fault = Fault::kEndless}; });
  HttpClient client({.direct = true});
  EXPECT_EQ(client.Send({.url = server.address(), .answer_bytes_max = 1000}).status().code(),
            absl::StatusCode::kDataLoss);
  status = 500;
  const auto error = client.Send({.url = server.address(), .answer_bytes_max = 1000});
  ASSERT_TRUE(error.ok()) << error.status();
  EXPECT_EQ(error->status, 500);
  EXPECT_EQ(error->body.size(), 64u * 1024);
}

TEST(HttpClient, ASinkThatFailsEndsTheExchangeWithItsOwnError) {
  FakeHttpServer server([](const Request&) { return Reply{.body = "some"}; });
  HttpClient client({.direct = true});
  const auto full = [](std::string_view) { return absl::ResourceExhaustedError("full"); };
  EXPECT_EQ(client.Send({.url = server.address(), .sink = full}).status(),
            absl::ResourceExhaustedError("full"));
}

TEST(HttpClient, WhatAPersonHasToMendIsSaidSo) {
  const support::TempDirectory directory;
  HttpClient client({.ca_bundle = directory.path() + "/none.pem", .direct = true});
  EXPECT_EQ(client.Send({.url = "ftp://127.0.0.1/"}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      client.Send({.url = "http://127.0.0.1/", .headers = {{"A", "b\r\nC: d"}}}).status().code(),
      absl::StatusCode::kInvalidArgument);
  FakeHttpServer server([](const Request&) { return Reply{}; });
  const std::string https = "https" + server.address().substr(4);
  const absl::Status bundle = client.Send({.url = https}).status();
  EXPECT_EQ(bundle.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(bundle.message()), HasSubstr("CA bundle"));
}

TEST(HttpClient, ServesManyThreads) {
  FakeHttpServer server([](const Request& request) { return Reply{.body = request.target}; });
  HttpClient client({.direct = true});
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 50; ++j) {
        const std::string target = "/" + std::to_string(i * 100 + j);
        const auto answer = client.Send({.url = server.address() + target});
        ASSERT_TRUE(answer.ok()) << answer.status();
        ASSERT_EQ(answer->body, target);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(server.requests().size(), 400u);
}

}  // namespace
}  // namespace turnout::state

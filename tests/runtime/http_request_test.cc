#include "runtime/http_request.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/wrong_tokens.h"

namespace turnout::runtime {
namespace {

TEST(HttpRequest, AHeadIsReadAsItIs) {
  const std::string head =
      "POST /v1/explain?pretty=1 HTTP/1.1\r\nHost: localhost:9464\r\nX-Name:  a b \r\nX-Empty:\r\n"
      "CONTENT-length: 12\r\nExpect: 100-Continue\r\n\r\n";
  EXPECT_EQ(HttpHeadSize(head + "and more"), head.size());
  EXPECT_EQ(HttpHeadSize(head.substr(0, head.size() - 1)), std::string::npos);
  HttpRequest request;
  ASSERT_FALSE(ReadHttpHead(head, 12, &request).has_value());
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/v1/explain");
  EXPECT_TRUE(request.is_one_1);
  EXPECT_TRUE(request.expects_continue);
  EXPECT_EQ(request.body_bytes, 12);
  EXPECT_EQ(request.Header("x-name"), "a b");
  EXPECT_EQ(request.Header("x-empty"), "");
  EXPECT_EQ(request.Header("x-none"), std::nullopt);
  const auto fault = ReadHttpHead(head, 11, &request);
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->status, 413);
}

TEST(HttpRequest, WhatTwoReadersWouldUnderstandInTwoWaysIsRefused) {
  const std::string host = "Host: localhost\r\n";
  for (const auto& [text, status] : std::vector<std::pair<std::string, int>>{
           {"GET / HTTP/1.1\r\n\r\n", 400},  // no Host
           {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
           {"GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
           {"GET / HTTP/1.1 \r\n" + host + "\r\n", 400},
           {" GET / HTTP/1.1\r\n" + host + "\r\n", 400},
           {"GET\t/ HTTP/1.1\r\n" + host + "\r\n", 400},
           {"GET / HTTP/2\r\n" + host + "\r\n", 505},
           {"GET / HTTP/1.2\r\n" + host + "\r\n", 505},
           {"GET / http/1.1\r\n" + host + "\r\n", 505},
           {"GET /\r\n" + host + "\r\n", 400},
           {"GET http://localhost/ HTTP/1.1\r\n" + host + "\r\n", 400},
           {"OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 400},
           {"GET /a\rb HTTP/1.1\r\n" + host + "\r\n", 400},
           {"GET /a\x7f HTTP/1.1\r\n" + host + "\r\n", 400},
           {"GET / HTTP/1.1\r\n" + host + "no colon\r\n\r\n", 400},
           {"GET / HTTP/1.1\r\n" + host + ": no name\r\n\r\n", 400},
           {"GET / HTTP/1.1\r\n" + host + "X : a\r\n\r\n", 400},
           {"GET / HTTP/1.1\r\n" + host + "X: a\r\n\tb: c\r\n\r\n", 400},
           {"GET / HTTP/1.1\r\n" + host + "X: a\nY: b\r\n\r\n", 400},
           {"GET / HTTP/1.1\r\n" + host + "X: a\rY: b\r\n\r\n", 400},
           {"GET / HTTP/1.1\r\n" + host + std::string("X: a\0b\r\n\r\n", 10), 400},
           {"GET / HTTP/1.1\r\n" + host + "Authorization: a\r\nauthorization: b\r\n\r\n", 400},
           {"G(T / HTTP/1.1\r\n" + host + "\r\n", 400}}) {
    HttpRequest request;
    const auto fault = ReadHttpHead(text, 100, &request);
    ASSERT_TRUE(fault.has_value()) << text;
    EXPECT_EQ(fault->status, status) << text;
  }
}

TEST(WrongTokens, AnAddressHasSoManyTriesAndOneMoreASecond) {
  WrongTokens tokens;
  absl::Time now = absl::UnixEpoch();
  for (int i = 0; i < WrongTokens::kWrongTokensMax; ++i) {
    ASSERT_TRUE(tokens.MayTry("a", now)) << i;
    tokens.Add("a", now);
  }
  EXPECT_FALSE(tokens.MayTry("a", now));
  EXPECT_TRUE(tokens.MayTry("b", now));
  now += absl::Milliseconds(1100);
  EXPECT_TRUE(tokens.MayTry("a", now));
  tokens.Add("a", now);
  EXPECT_FALSE(tokens.MayTry("a", now));
  // It doesn't save up more than it began with, and a clock that goes back gives none.
  EXPECT_FALSE(tokens.MayTry("a", now - absl::Hours(1)));
  now += absl::Hours(1);
  for (int i = 0; i < WrongTokens::kWrongTokensMax; ++i) tokens.Add("a", now);
  EXPECT_FALSE(tokens.MayTry("a", now));
}

TEST(WrongTokens, OfTooManyAddressesTheOldestIsForgotten) {
  WrongTokens tokens;
  absl::Time now = absl::UnixEpoch();
  for (int i = 0; i < WrongTokens::kWrongTokensMax; ++i) tokens.Add("first", now);
  for (size_t i = 1; i < WrongTokens::kAddressesMax; ++i) {
    tokens.Add(std::to_string(i), now += absl::Microseconds(1));
  }
  EXPECT_FALSE(tokens.MayTry("first", now));
  tokens.Add("one too many", now);
  EXPECT_TRUE(tokens.MayTry("first", now));
}

}  // namespace
}  // namespace turnout::runtime

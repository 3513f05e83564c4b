#include "deploy/manager/same_origin.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace turnout::manager {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kOrigin = "https://turnout.example.com";
constexpr std::string_view kWord = "the-word";

std::string Judged(std::string method, Headers headers, std::string_view word = kWord) {
  return WhyNotOurs({.method = std::move(method), .headers = std::move(headers)}, kOrigin, word);
}

TEST(SameOriginTest, ChangesAreThePagesWithItsOriginAndItsWordAlone) {
  const std::pair<std::string, std::string> ours = {"origin", std::string(kOrigin)};
  const std::pair<std::string, std::string> word = {"x-turnout-csrf", std::string(kWord)};
  for (const std::string method : {"PUT", "POST", "DELETE", "PATCH"}) {
    EXPECT_EQ(Judged(method, {ours, word}), "") << method;
    EXPECT_EQ(Judged(method, {ours, word, {"sec-fetch-site", "same-origin"}}), "");
    const std::vector<Headers> refused = {
        {},
        {word},
        {ours},
        {ours, {"x-turnout-csrf", ""}},
        {ours, {"x-turnout-csrf", "the-wore"}},
        {{"origin", "null"}, word},
        {{"origin", "http://turnout.example.com"}, word},
        {{"origin", "https://turnout.example.com.evil.example"}, word},
        {{"origin", "https://turnout.example.com:8443"}, word},
        {ours, word, {"sec-fetch-site", "cross-site"}},
        {ours, word, {"sec-fetch-site", "same-site"}}};
    for (size_t i = 0; i < refused.size(); ++i) EXPECT_NE(Judged(method, refused[i]), "") << i;
  }
  EXPECT_NE(Judged("PUT", {ours, {"x-turnout-csrf", ""}}, ""), "") << "no word is none";
}

TEST(SameOriginTest, WhatOnlyReadsIsAnsweredUnlessAnotherSiteAsks) {
  EXPECT_EQ(Judged("GET", {}), "");
  EXPECT_EQ(Judged("GET", {{"sec-fetch-site", "none"}}), "");
  EXPECT_EQ(Judged("HEAD", {{"sec-fetch-site", "same-origin"}}), "");
  for (const std::string site : {"cross-site", "same-site", "whatever", ""}) {
    EXPECT_NE(Judged("GET", {{"sec-fetch-site", site}}), "") << site;
  }
}

TEST(SameOriginTest, ACookieIsFoundByItsWholeNameAndOfTwoNoneIs) {
  const auto cookie = [](Headers headers) {
    return CookieOf({.headers = std::move(headers)}, "turnout").value_or("none");
  };
  EXPECT_EQ(cookie({{"cookie", "turnout=a"}}), "a");
  EXPECT_EQ(cookie({{"cookie", "x=y;  turnout=a=b ; z"}}), "a=b");
  EXPECT_EQ(cookie({{"cookie", "turnout="}}), "");
  EXPECT_EQ(cookie({}), "none");
  EXPECT_EQ(cookie({{"cookie", "turnout"}}), "none");
  EXPECT_EQ(cookie({{"cookie", "__Host-turnout=a; turnout-sign-in=b; Turnout=c"}}), "none");
  EXPECT_EQ(cookie({{"cookie", "turnout=a; turnout=b"}}), "none");
  EXPECT_EQ(cookie({{"cookie", "turnout=a"}, {"cookie", "turnout=a"}}), "none");
}

}  // namespace
}  // namespace turnout::manager

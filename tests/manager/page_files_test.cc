#include "deploy/manager/page_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

namespace turnout::manager {
namespace {

using ::testing::HasSubstr;

std::string Named(const HttpAnswer& answer, const std::string& name) {
  for (const auto& [header, value] : answer.headers) {
    if (header == name) return value;
  }
  return "";
}

TEST(PageFiles, EachOfThemIsGivenWithItsTypeAndAnEtagThatSparesItTheNextTime) {
  const std::pair<const char*, const char*> files[] = {
      {"/", "text/html"}, {"/app.js", "text/javascript"}, {"/app.css", "text/css"}};
  for (const auto& [path, type] : files) {
    runtime::HttpRequest request{.method = "GET", .path = path};
    const auto answer = PageAnswer(request);
    ASSERT_TRUE(answer.has_value()) << path;
    EXPECT_EQ(answer->status, 200);
    EXPECT_THAT(answer->content_type, HasSubstr(type));
    EXPECT_GT(answer->body.size(), 100u);
    request.headers.emplace_back("if-none-match", Named(*answer, "ETag"));
    const auto again = PageAnswer(request);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->status, 304);
    EXPECT_EQ(again->body, "");
  }
}

TEST(PageFiles, ThePageAsksForItsOwnFilesAloneAndHasNothingInline) {
  const auto page = PageAnswer({.method = "GET", .path = "/"});
  ASSERT_TRUE(page.has_value());
  EXPECT_THAT(page->body, HasSubstr("src=\"./app.js\""));
  EXPECT_THAT(page->body, HasSubstr("href=\"./app.css\""));
  for (const char* foreign : {"http:", "https:", "<style", "onload"}) {
    EXPECT_EQ(page->body.find(foreign), std::string::npos) << foreign;
  }
}

TEST(PageFiles, WhatIsNoneOfThemAndWhatIsNoReadingIsLeftToOthers) {
  EXPECT_FALSE(PageAnswer({.method = "GET", .path = "/app.js/"}).has_value());
  EXPECT_FALSE(PageAnswer({.method = "GET", .path = "/../app.js"}).has_value());
  EXPECT_FALSE(PageAnswer({.method = "POST", .path = "/"}).has_value());
}

TEST(PageFiles, TheirBytesAreAsciiSoThatTheyCanBeCutAnywhere) {
  const auto script = PageAnswer({.method = "GET", .path = "/app.js"});
  ASSERT_TRUE(script.has_value());
  EXPECT_TRUE(std::all_of(script->body.begin(), script->body.end(),
                          [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
}

}  // namespace
}  // namespace turnout::manager

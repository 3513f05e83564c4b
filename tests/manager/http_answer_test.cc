#include "deploy/manager/http_answer.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

TEST(HttpAnswer, AQueryIsReadByName) {
  const auto query =
      ReadQuery("wait=30&why=two%20words+more%2f&dry_run", {"wait", "why", "dry_run"});
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_THAT(*query,
              ElementsAre(Pair("dry_run", ""), Pair("wait", "30"), Pair("why", "two words more/")));
}

TEST(HttpAnswer, WhatAQueryMayNotHoldIsRefusedByName) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"wiat=1", "did you mean `wait`"},
      {"wait=1&wait=2", "gives `wait` twice"},
      {"wait=%4", "hexadecimal"},
      {"wait=%zz", "hexadecimal"},
  };
  for (const auto& [text, wanted] : cases) {
    EXPECT_THAT(std::string(ReadQuery(text, {"wait", "why"}).status().message()),
                HasSubstr(wanted));
  }
}

TEST(HttpAnswer, EveryAnswerForbidsFramesScriptsOfOthersAndGuessing) {
  for (const int status : {200, 304, 404, 500}) {
    const std::string bytes = BytesOf({.status = status, .body = "{}"});
    EXPECT_THAT(bytes, HasSubstr("default-src 'none'"));
    EXPECT_THAT(bytes, HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(bytes, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(bytes, HasSubstr("Cache-Control: no-store\r\n"));
  }
}

TEST(HttpAnswer, WhatMayBeKeptSaysSoOnceAndForbidsTheRestAllTheSame) {
  const std::string bytes = BytesOf({.headers = {{"Cache-Control", "no-cache"}}});
  EXPECT_THAT(bytes, HasSubstr("Cache-Control: no-cache\r\n"));
  EXPECT_THAT(bytes, Not(HasSubstr("no-store")));
  EXPECT_THAT(bytes, HasSubstr("default-src 'none'"));
}

TEST(HttpAnswer, WhatHasNoBodyHasNoLengthEither) {
  const std::string bytes = BytesOf({.status = 304, .headers = {{"ETag", "\"1\""}}});
  EXPECT_THAT(bytes, HasSubstr("ETag: \"1\"\r\n"));
  EXPECT_THAT(bytes, Not(HasSubstr("Content-Length")));
}

}  // namespace
}  // namespace turnout::manager

#include "deploy/manager/sessions.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"

namespace turnout::manager {
namespace {

constexpr absl::Time kBegin = absl::FromUnixSeconds(1'000);

TEST(SessionsTest, ASessionIsFoundByItsIdAloneUntilItIsEnded) {
  Sessions sessions;
  const std::string id = sessions.Begin({.name = "ada", .groups = {"group:platform"}}, kBegin);
  EXPECT_EQ(id.size(), 43u);
  const std::optional<Session> found = sessions.Find(id, kBegin);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->principal.name, "ada");
  EXPECT_EQ(found->principal.groups.size(), 1u);
  EXPECT_EQ(found->csrf.size(), 43u);
  EXPECT_NE(found->csrf, id);
  for (const std::string& other : {std::string(), id.substr(1), id + "A", found->csrf}) {
    EXPECT_FALSE(sessions.Find(other, kBegin).has_value()) << other;
  }
  sessions.End(id);
  EXPECT_FALSE(sessions.Find(id, kBegin).has_value());
  EXPECT_EQ(sessions.size(), 0u);
}

TEST(SessionsTest, ASessionEndsWhenNobodyUsesIt) {
  Sessions sessions;
  const std::string id = sessions.Begin({.name = "ada"}, kBegin);
  const absl::Duration almost = kSessionIdleFor - absl::Milliseconds(1);
  EXPECT_TRUE(sessions.Find(id, kBegin + almost).has_value());
  EXPECT_TRUE(sessions.Find(id, kBegin + 2 * almost).has_value());
  EXPECT_FALSE(sessions.Find(id, kBegin + 2 * almost + kSessionIdleFor).has_value());
  EXPECT_FALSE(sessions.Find(id, kBegin + almost).has_value()) << "what has ended is gone";
}

TEST(SessionsTest, ASessionEndsAfterItsTimeHoweverMuchItIsUsed) {
  Sessions sessions;
  const std::string id = sessions.Begin({.name = "ada"}, kBegin);
  absl::Time now = kBegin;
  for (; now < kBegin + kSessionFor; now += absl::Minutes(30)) {
    ASSERT_TRUE(sessions.Find(id, now).has_value()) << now;
  }
  EXPECT_FALSE(sessions.Find(id, kBegin + kSessionFor).has_value());
}

TEST(SessionsTest, OfTooManyOfOnePersonTheOneUsedLongestAgoEnds) {
  Sessions sessions;
  const std::string others = sessions.Begin({.name = "bob"}, kBegin);
  const std::string first = sessions.Begin({.name = "ada"}, kBegin);
  const std::string second = sessions.Begin({.name = "ada"}, kBegin + absl::Seconds(1));
  EXPECT_TRUE(sessions.Find(first, kBegin + absl::Seconds(2)).has_value());
  for (size_t i = 2; i <= kSessionsOfOneMax; ++i) {
    sessions.Begin({.name = "ada"}, kBegin + absl::Seconds(3));
  }
  EXPECT_EQ(sessions.size(), kSessionsOfOneMax + 1);
  EXPECT_FALSE(sessions.Find(second, kBegin + absl::Seconds(4)).has_value());
  EXPECT_TRUE(sessions.Find(first, kBegin + absl::Seconds(4)).has_value());
  EXPECT_TRUE(sessions.Find(others, kBegin + absl::Seconds(4)).has_value());
}

TEST(SessionsTest, ThereAreNeverMoreThanTheBoundAndWhatHasEndedMakesRoom) {
  constexpr size_t kMax = 100;
  Sessions sessions(kMax);
  std::string first;
  for (size_t i = 0; i < kMax; ++i) {
    std::string id = sessions.Begin({.name = absl::StrCat("p", i)}, kBegin + absl::Milliseconds(i));
    if (i == 0) first = std::move(id);
  }
  EXPECT_EQ(sessions.size(), kMax);
  const absl::Time later = kBegin + absl::Milliseconds(kMax);
  const std::string last = sessions.Begin({.name = "one more"}, later);
  EXPECT_EQ(sessions.size(), kMax);
  EXPECT_TRUE(sessions.Find(last, later).has_value());
  EXPECT_FALSE(sessions.Find(first, later).has_value());
  sessions.Begin({.name = "later"}, later + kSessionIdleFor);
  EXPECT_EQ(sessions.size(), 1u);
}

TEST(SessionsTest, NoTwoIdsAreTheSame) {
  Sessions sessions;
  std::set<std::string> ids;
  for (int i = 0; i < 1'000; ++i) ids.insert(sessions.Begin({.name = "ada"}, kBegin));
  EXPECT_EQ(ids.size(), 1'000u);
}

}  // namespace
}  // namespace turnout::manager

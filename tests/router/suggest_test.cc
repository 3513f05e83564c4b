#include "router/suggest.h"

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace turnout::router {
namespace {

constexpr std::string_view kKnown[] = {"name", "description", "match", "to", "key"};

TEST(Suggest, ProposesTheNearestKnownName) {
  struct Case {
    std::string_view word;
    std::string_view nearest;
  };
  constexpr Case kCases[] = {
      {"nmae", "name"},        {"Name", "name"},   {"descripton", "description"},
      {"matches", "match"},    {"macth", "match"}, {"keys", "key"},
      {"t0", "to"},            {"too", "to"},      {"destination", ""},
      {"wholly-unlike", ""},   {"", ""},           {"xyz", ""},
      {"x", ""},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(NearestName(c.word, kKnown), c.nearest) << "for " << c.word;
  }
}

TEST(Suggest, PrefersTheExactNameAndThenTheFirst) {
  constexpr std::string_view kNames[] = {"abce", "abcd", "abcf"};
  EXPECT_EQ(NearestName("abcd", kNames), "abcd");
  EXPECT_EQ(NearestName("abcx", kNames), "abce");
}

TEST(Suggest, TakesDashForUnderscore) {
  constexpr std::string_view kNames[] = {"state-dir", "state_dir_size"};
  EXPECT_EQ(NearestName("state_dir", kNames), "state-dir");
}

TEST(Suggest, FindsNothingForAnOverlongWord) {
  const std::string word(kSuggestWordBytesMax + 1, 'a');
  const std::string name(kSuggestWordBytesMax, 'a');
  const std::vector<std::string_view> known = {name};
  EXPECT_EQ(NearestName(word, known), "");
  EXPECT_EQ(NearestName(name, known), name);
}

TEST(Suggest, FindsNothingAmongNoNames) { EXPECT_EQ(NearestName("a", {}), ""); }

TEST(Suggest, CureListsAllKnownNames) {
  EXPECT_EQ(NearestNameCure("keyy", kKnown),
            "did you mean `key`? Known: name, description, match, to, key");
  EXPECT_EQ(NearestNameCure("zzzzzz", kKnown), "Known: name, description, match, to, key");
}

}  // namespace
}  // namespace turnout::router

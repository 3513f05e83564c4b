#include "router/gram_index.h"

#include <algorithm>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::router {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<uint32_t> Found(const GramIndex& index, std::string_view text, GramIndex::Seen* seen) {
  std::vector<uint32_t> targets;
  index.Find(text, seen, [&](uint32_t target) { targets.push_back(target); });
  return targets;
}

TEST(GramIndex, FindsWildcardsByTheirRarestGram) {
  // "/img/" is in all of them; what else they hold tells them apart.
  const GramIndex index(
      {{{"", "/img/", ".png"}, 0}, {{"", "/img/", "", "summer"}, 1}, {{"", "/img/winter", ""}, 2}});
  GramIndex::Seen seen;
  EXPECT_THAT(Found(index, "/img/summer", &seen), ElementsAre(1));
  EXPECT_THAT(Found(index, "x/img/a.png", &seen), ElementsAre(0));
  EXPECT_THAT(Found(index, "/img/a.jpg", &seen), IsEmpty());
}

TEST(GramIndex, AnswersOncePerTextHoweverOftenAGramIsThere) {
  const GramIndex index({{{"", "abab", ""}, 7}});
  GramIndex::Seen seen;
  EXPECT_THAT(Found(index, "abababababab", &seen), ElementsAre(7));
  EXPECT_THAT(Found(index, "abab", &seen), ElementsAre(7));
}

TEST(GramIndex, ShortPiecesAndNoneAreFoundToo) {
  const GramIndex index({{{"a", ""}, 1}, {{"", ""}, 2}, {{"", "xyz", "b"}, 3}, {{"", "de"}, 4}});
  GramIndex::Seen seen;
  EXPECT_THAT(Found(index, "", &seen), ElementsAre(2));
  EXPECT_THAT(Found(index, "a", &seen), ::testing::UnorderedElementsAre(1, 2));
  EXPECT_THAT(Found(index, "_xyz_", &seen), ::testing::UnorderedElementsAre(2, 3));
  EXPECT_THAT(Found(index, "de", &seen), ::testing::UnorderedElementsAre(2, 4));
}

TEST(GramIndex, MissesNoTextThatHoldsAllPieces) {
  std::mt19937 random(3);
  const auto text = [&](size_t length) {
    std::string made(length, 'a');
    for (char& c : made) c = static_cast<char>('a' + random() % 3);
    return made;
  };
  GramIndex::Seen seen;
  for (int round = 0; round < 200; ++round) {
    std::vector<GramIndex::Filed> filed(1 + random() % 30);
    for (size_t i = 0; i < filed.size(); ++i) {
      filed[i].target = static_cast<uint32_t>(i);
      for (size_t pieces = random() % 4; pieces > 0; --pieces) {
        filed[i].pieces.push_back(text(random() % 11));
      }
    }
    const GramIndex index(filed);
    for (int i = 0; i < 10; ++i) {
      const GramIndex::Filed& held = filed[random() % filed.size()];
      std::string value = text(random() % 5);
      for (const std::string& piece : held.pieces) value += piece + text(random() % 5);
      std::vector<uint32_t> found = Found(index, value, &seen);
      EXPECT_THAT(found, Contains(held.target)) << value;
      std::sort(found.begin(), found.end());
      EXPECT_EQ(std::adjacent_find(found.begin(), found.end()), found.end()) << value;
    }
  }
}

}  // namespace
}  // namespace turnout::router

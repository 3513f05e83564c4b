#include "router/affix_index.h"

#include <algorithm>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::router {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<uint32_t> Found(const AffixIndex& index, std::string_view text) {
  std::vector<uint32_t> targets;
  index.Find(text, [&](uint32_t target) { targets.push_back(target); });
  return targets;
}

TEST(AffixIndex, FindsEveryPrefixTheLongestFirst) {
  const AffixIndex index(AffixIndex::End::kPrefix,
                         {{"", 0}, {"ab", 1}, {"abc", 2}, {"abd", 3}, {"b", 4}, {"abcz", 5}});
  EXPECT_THAT(Found(index, "abcd"), ElementsAre(2, 1, 0));
  EXPECT_THAT(Found(index, "abcz"), ElementsAre(5, 2, 1, 0));
  EXPECT_THAT(Found(index, "a"), ElementsAre(0));
  EXPECT_THAT(Found(index, ""), ElementsAre(0));
}

TEST(AffixIndex, FindsEverySuffix) {
  const AffixIndex index(AffixIndex::End::kSuffix, {{".png", 1}, {"g", 2}, {"x.png", 3}});
  EXPECT_THAT(Found(index, "a.png"), ElementsAre(1, 2));
  EXPECT_THAT(Found(index, "png.x"), IsEmpty());
}

TEST(AffixIndex, BytesAboveAsciiSortAsLarger) {
  const AffixIndex index(AffixIndex::End::kPrefix, {{"a\xC3", 1}, {"az", 2}, {"a", 3}});
  EXPECT_THAT(Found(index, "a\xC3\xA9"), ElementsAre(1, 3));
  EXPECT_THAT(Found(index, "azz"), ElementsAre(2, 3));
}

// Short texts over two letters, so that most begin each other.
TEST(AffixIndex, AgreesWithComparingEachAffix) {
  std::mt19937 random(1);
  const auto text = [&](size_t length_max) {
    std::string made(random() % (length_max + 1), 'a');
    for (char& c : made) c = random() % 2 == 0 ? 'a' : 'b';
    return made;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<AffixIndex::Affix> affixes;
    const size_t count = random() % 20;
    while (affixes.size() < count) {
      affixes.push_back({text(6), static_cast<uint32_t>(affixes.size())});
    }
    const AffixIndex prefixes(AffixIndex::End::kPrefix, affixes);
    const AffixIndex suffixes(AffixIndex::End::kSuffix, affixes);
    for (int i = 0; i < 20; ++i) {
      const std::string value = text(8);
      std::vector<uint32_t> beginning;
      std::vector<uint32_t> ending;
      for (const AffixIndex::Affix& affix : affixes) {
        if (value.size() < affix.text.size()) continue;
        if (value.compare(0, affix.text.size(), affix.text) == 0) beginning.push_back(affix.target);
        if (value.substr(value.size() - affix.text.size()) == affix.text) {
          ending.push_back(affix.target);
        }
      }
      EXPECT_THAT(Found(prefixes, value), ::testing::UnorderedElementsAreArray(beginning)) << value;
      EXPECT_THAT(Found(suffixes, value), ::testing::UnorderedElementsAreArray(ending)) << value;
    }
  }
}

}  // namespace
}  // namespace turnout::router

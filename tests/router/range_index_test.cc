#include "router/range_index.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::router {
namespace {

constexpr double kNoBound = std::numeric_limits<double>::max();

std::vector<uint32_t> Found(const RangeIndex& index, double number) {
  std::vector<uint32_t> targets;
  index.Find(number, [&](uint32_t target) { targets.push_back(target); });
  return targets;
}

TEST(RangeIndex, BoundsAreInside) {
  const RangeIndex index({{1, 2, 0}, {2, kNoBound, 1}, {-kNoBound, 1, 2}, {1, 1, 3}});
  EXPECT_THAT(Found(index, 1), ::testing::UnorderedElementsAre(0, 2, 3));
  EXPECT_THAT(Found(index, 1.5), ::testing::UnorderedElementsAre(0));
  EXPECT_THAT(Found(index, 2), ::testing::UnorderedElementsAre(0, 1));
  EXPECT_THAT(Found(index, -5), ::testing::UnorderedElementsAre(2));
}

TEST(RangeIndex, AgreesWithComparingEachRange) {
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    std::vector<NumberRange> ranges(random() % 40);
    for (size_t i = 0; i < ranges.size(); ++i) {
      const double low = static_cast<double>(random() % 20);
      ranges[i] = {random() % 4 == 0 ? -kNoBound : low,
                   random() % 4 == 0 ? kNoBound : low + static_cast<double>(random() % 8) - 1,
                   static_cast<uint32_t>(i)};
    }
    const RangeIndex index(ranges);
    for (double number = -2; number < 30; number += 0.5) {
      std::vector<uint32_t> expected;
      for (const NumberRange& range : ranges) {
        if (range.low <= number && number <= range.high) expected.push_back(range.target);
      }
      EXPECT_THAT(Found(index, number), ::testing::UnorderedElementsAreArray(expected)) << number;
    }
  }
}

}  // namespace
}  // namespace turnout::router

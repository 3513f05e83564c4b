#include "router/rule_bits.h"

#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::router {
namespace {

TEST(RuleBits, ReadsOutAscendingAndIsEmptyThen) {
  RuleBits bits;
  bits.Resize(1 << 20);
  std::mt19937 random(6);
  for (int round = 0; round < 50; ++round) {
    std::set<uint32_t> expected;
    for (size_t count = random() % 100; count > 0; --count) {
      expected.insert(static_cast<uint32_t>(random() % (1 << 20)));
    }
    expected.insert({0, 63, 64, 4095, 4096, (1 << 18) - 1, 1 << 18, (1 << 20) - 1});
    for (const uint32_t number : expected) {
      EXPECT_FALSE(bits.Contains(number));
      bits.Add(number);
      bits.Add(number);
      EXPECT_TRUE(bits.Contains(number));
    }
    std::vector<uint32_t> read;
    bits.MoveTo(&read);
    EXPECT_THAT(read, ::testing::ElementsAreArray(expected));
  }
}

TEST(RuleBits, WithoutRoomThereIsNothing) {
  RuleBits bits;
  bits.Resize(0);
  std::vector<uint32_t> read;
  bits.MoveTo(&read);
  EXPECT_TRUE(read.empty());
}

}  // namespace
}  // namespace turnout::router

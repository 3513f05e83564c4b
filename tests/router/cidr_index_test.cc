#include "router/cidr_index.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::router {
namespace {

Cidr Block(const std::string& text) {
  std::string error;
  const std::optional<Cidr> cidr = ParseCidr(text, &error);
  EXPECT_TRUE(cidr.has_value()) << text << ": " << error;
  return *cidr;
}

std::vector<uint32_t> Found(const CidrIndex& index, const IpAddress& address) {
  std::vector<uint32_t> targets;
  index.Find(address, [&](uint32_t target) { targets.push_back(target); });
  return targets;
}

TEST(CidrIndex, FindsBlocksOfEverySizeAndFamily) {
  const CidrIndex index({{Block("10.0.0.0/8"), 0},
                         {Block("10.1.0.0/16"), 1},
                         {Block("0.0.0.0/0"), 2},
                         {Block("2001:db8::/32"), 3},
                         {Block("10.1.2.128/25"), 4},
                         {Block("10.255.0.1/8"), 5}});
  EXPECT_THAT(Found(index, *ParseIpAddress("10.1.2.200")),
              ::testing::UnorderedElementsAre(0, 1, 2, 4, 5));
  EXPECT_THAT(Found(index, *ParseIpAddress("11.1.2.3")), ::testing::UnorderedElementsAre(2));
  EXPECT_THAT(Found(index, *ParseIpAddress("2001:db8:1::1")), ::testing::UnorderedElementsAre(3));
  EXPECT_THAT(Found(index, *ParseIpAddress("2001:db9::1")), ::testing::IsEmpty());
}

TEST(CidrIndex, AgreesWithAskingEachBlock) {
  std::mt19937 random(4);
  const auto address = [&] {
    IpAddress made;
    made.size = random() % 2 == 0 ? 4 : 16;
    for (int i = 0; i < made.size; ++i) {
      made.bytes[static_cast<size_t>(i)] = static_cast<uint8_t>(random() % 3 * 127);
    }
    return made;
  };
  for (int round = 0; round < 100; ++round) {
    std::vector<CidrIndex::Block> blocks(random() % 30);
    for (size_t i = 0; i < blocks.size(); ++i) {
      const IpAddress base = address();
      blocks[i] = {{base, static_cast<int>(random() % static_cast<unsigned>(base.size * 8))},
                   static_cast<uint32_t>(i)};
    }
    const CidrIndex index(blocks);
    for (int i = 0; i < 30; ++i) {
      const IpAddress asked = address();
      std::vector<uint32_t> expected;
      for (const CidrIndex::Block& block : blocks) {
        if (block.cidr.Contains(asked)) expected.push_back(block.target);
      }
      EXPECT_THAT(Found(index, asked), ::testing::UnorderedElementsAreArray(expected));
    }
  }
}

}  // namespace
}  // namespace turnout::router

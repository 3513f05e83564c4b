#include "router/sample.h"

#include <string>

#include "gtest/gtest.h"
#include "router/percent.h"

namespace turnout::router {
namespace {

// Published values: an implementation of anybody's own must come to these.
TEST(Sample, BucketsAreThoseOfThePublishedHash) {
  EXPECT_EQ(SampleBucket(""), 4342U);
  EXPECT_EQ(SampleBucket("c-1"), 1383U);
  EXPECT_EQ(SampleBucket("720.50"), 856U);
  EXPECT_EQ(SampleBucket("t\xC3\xBCr"), 8965U);
}

TEST(Sample, KeysThatCountUpAreSpreadEvenly) {
  constexpr int kKeys = 100'000;
  int tenth = 0;
  int hundredth = 0;
  for (int i = 0; i < kKeys; ++i) {
    const uint32_t bucket = SampleBucket("customer-" + std::to_string(i));
    tenth += bucket < kAllShares / 10 ? 1 : 0;
    hundredth += bucket < kAllShares / 100 ? 1 : 0;
  }
  // Three standard deviations.
  EXPECT_NEAR(tenth, kKeys / 10, 285);
  EXPECT_NEAR(hundredth, kKeys / 100, 95);
}

}  // namespace
}  // namespace turnout::router

#include "connectors/rate_limit.h"

#include "gtest/gtest.h"

namespace turnout::connectors {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

TEST(RateLimit, WithoutABoundThereIsAlwaysRoom) {
  RateLimit any(0);
  any.Spend(1'000'000);
  EXPECT_GT(any.Available(kStart), 1'000'000'000u);
  EXPECT_EQ(any.WaitTime(kStart), absl::ZeroDuration());
}

TEST(RateLimit, OverTenSecondsAsManyHappenAsItSays) {
  for (const int64_t per_second : {1, 7, 500, 20'000}) {
    RateLimit limit(per_second);
    int64_t happened = 0;
    absl::Time now = kStart;
    while (now < kStart + absl::Seconds(10)) {
      const size_t available = limit.Available(now);
      limit.Spend(available);
      happened += static_cast<int64_t>(available);
      now += std::max(limit.WaitTime(now), absl::Milliseconds(5));
    }
    EXPECT_GE(happened, per_second * 10 * 9 / 10) << per_second;
    EXPECT_LE(happened, per_second * 10 + per_second / 10 + 1) << per_second;
  }
}

TEST(RateLimit, WhatWasNotUsedIsGoodForATenthOfASecond) {
  RateLimit limit(1'000);
  limit.Spend(limit.Available(kStart));
  EXPECT_EQ(limit.Available(kStart + absl::Hours(1)), 100u);
}

TEST(RateLimit, AfterTheTimeToWaitOneMayHappen) {
  RateLimit limit(4);
  limit.Spend(limit.Available(kStart));
  const absl::Duration wait = limit.WaitTime(kStart);
  EXPECT_GT(wait, absl::Milliseconds(200));
  EXPECT_LE(wait, absl::Milliseconds(252));
  EXPECT_EQ(limit.Available(kStart + wait), 1u);
}

}  // namespace
}  // namespace turnout::connectors

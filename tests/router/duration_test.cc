#include "router/duration.h"

#include "gtest/gtest.h"

namespace turnout::router {
namespace {

TEST(Duration, IsAWholeNumberAndAUnit) {
  EXPECT_EQ(ParseDuration("500ms"), 500);
  EXPECT_EQ(ParseDuration("30s"), 30'000);
  EXPECT_EQ(ParseDuration("10m"), 600'000);
  EXPECT_EQ(ParseDuration("1h"), 3'600'000);
  EXPECT_EQ(ParseDuration("7d"), 604'800'000);
  EXPECT_EQ(ParseDuration("0s"), 0);
  EXPECT_EQ(ParseDuration("007s"), 7'000);
  EXPECT_EQ(ParseDuration("1000000d"), kDurationMsMax);
}

TEST(Duration, NothingElseIsOne) {
  for (const char* text : {"", "1", "s", "1.5h", "-1s", "+1s", "1 s", " 1s", "1s ", "1S", "1M",
                           "1us", "1h30m", "1000001d", "99999999999999999999s", "1e3s"}) {
    EXPECT_FALSE(ParseDuration(text).has_value()) << text;
  }
}

TEST(Duration, IsToldInItsLargestWholeUnit) {
  EXPECT_EQ(DurationText(7'776'000'000), "90d");
  EXPECT_EQ(DurationText(90'000), "90s");
  EXPECT_EQ(DurationText(1), "1ms");
  EXPECT_EQ(DurationText(0), "0ms");
}

}  // namespace
}  // namespace turnout::router

#include "runtime/replay_progress.h"

#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

TEST(ReplayProgressTest, TheRestTakesAsLongAsTheSpeedSoFarSays) {
  const absl::Time began = absl::FromUnixSeconds(1'000);
  ReplayProgress progress;
  EXPECT_EQ(progress.Left(500, 2'500, began), absl::InfiniteDuration()) << "nobody knows yet";
  EXPECT_EQ(progress.Left(500, 2'500, began + absl::Seconds(1)), absl::InfiniteDuration());
  EXPECT_EQ(progress.Left(1'000, 2'500, began + absl::Seconds(2)), absl::Seconds(6));
  EXPECT_EQ(progress.Left(2'500, 2'500, began + absl::Seconds(8)), absl::ZeroDuration());
}

}  // namespace
}  // namespace turnout::runtime

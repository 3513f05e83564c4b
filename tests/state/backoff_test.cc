#include "state/backoff.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace turnout::state {
namespace {

class BackoffTest : public ::testing::Test {
 protected:
  absl::Time now_ = absl::FromUnixSeconds(1000);
  uint64_t chance_ = 0;
  std::vector<absl::Duration> waits_;
  TimeAndChance time_{.now = [this] { return now_; },
                      .sleep =
                          [this](absl::Duration wait) {
                            waits_.push_back(wait);
                            now_ += wait;
                          },
                      .random = [this] { return chance_; }};
};

TEST_F(BackoffTest, DoublesItsWaitsUpToTheLongest) {
  Backoff backoff(
      &time_,
      {.wait_min = absl::Seconds(2), .wait_max = absl::Seconds(10), .deadline = absl::Minutes(1)});
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(backoff.Wait());
  EXPECT_EQ(waits_,
            (std::vector{absl::Seconds(1), absl::Seconds(2), absl::Seconds(4), absl::Seconds(5)}));
  EXPECT_EQ(backoff.waits(), 4);
}

TEST_F(BackoffTest, DrawsEachWaitFromItsUpperHalf) {
  chance_ = ~uint64_t{0};
  Backoff backoff(&time_, {.wait_min = absl::Seconds(2)});
  EXPECT_TRUE(backoff.Wait());
  EXPECT_GT(waits_[0], absl::Milliseconds(1999));
  EXPECT_LE(waits_[0], absl::Seconds(2));
}

TEST_F(BackoffTest, GivesUpRatherThanPassItsDeadline) {
  Backoff backoff(&time_, {.wait_min = absl::Seconds(2), .deadline = absl::Milliseconds(1500)});
  EXPECT_TRUE(backoff.Wait());
  EXPECT_EQ(backoff.Remaining(), absl::Milliseconds(500));
  EXPECT_FALSE(backoff.Wait());
  EXPECT_EQ(waits_.size(), 1u);
  now_ += absl::Hours(1);
  EXPECT_EQ(backoff.Remaining(), absl::ZeroDuration());
}

}  // namespace
}  // namespace turnout::state

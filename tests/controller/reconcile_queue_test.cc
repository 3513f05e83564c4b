#include "deploy/controller/reconcile_queue.h"

#include <atomic>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace turnout::controller {
namespace {

// A clock that goes on by itself while somebody waits for nothing: what is due is due.
class QueueTest : public ::testing::Test {
 protected:
  state::TimeAndChance Time() {
    return {.now = [this] { return absl::FromUnixMillis(now_ms_.load()); },
            .sleep = nullptr,
            .random = [] { return ~uint64_t{0}; }};  // waits are the longest that they may be
  }
  void Pass(absl::Duration time) { now_ms_ += absl::ToInt64Milliseconds(time); }

  std::atomic<int64_t> now_ms_{1'000'000};
  QueueLimits limits_{.gather_time = absl::Milliseconds(100),
                      .quiet_time = absl::Seconds(1),
                      .wait_min = absl::Seconds(2),
                      .wait_max = absl::Seconds(7)};
  ReconcileQueue queue_{limits_, Time()};
};

TEST_F(QueueTest, WhatIsAddedOftenIsTakenOnce) {
  for (int i = 0; i < 100; ++i) queue_.Add("a");
  EXPECT_EQ(queue_.depth(), 0u) << "changes are gathered";
  Pass(limits_.gather_time);
  EXPECT_EQ(queue_.depth(), 1u);
  EXPECT_EQ(queue_.Take(), "a");
  queue_.Forget("a");
  EXPECT_EQ(queue_.depth(), 0u);
}

TEST_F(QueueTest, WhatIsAddedWhileItIsLookedAtIsLookedAtAgainAndByNobodyElseMeanwhile) {
  queue_.Add("a");
  Pass(limits_.gather_time);
  ASSERT_EQ(queue_.Take(), "a");
  queue_.Add("a");
  queue_.Add("b");
  Pass(absl::Seconds(5));
  EXPECT_EQ(queue_.Take(), "b") << "a is taken";
  queue_.Succeeded("a", absl::Hours(1));
  EXPECT_EQ(queue_.depth(), 1u) << "only b: a is quiet for a while";
  Pass(limits_.quiet_time);
  EXPECT_EQ(queue_.Take(), "a");
}

TEST_F(QueueTest, AfterSuccessItComesAgainWhenItIsTime) {
  queue_.Add("a");
  Pass(limits_.gather_time);
  ASSERT_EQ(queue_.Take(), "a");
  queue_.Succeeded("a", absl::Seconds(30));
  Pass(absl::Seconds(29));
  EXPECT_EQ(queue_.depth(), 0u);
  Pass(absl::Seconds(1));
  EXPECT_EQ(queue_.Take(), "a");
}

TEST_F(QueueTest, AFailureWaitsLongerEachTimeAndASuccessForgetsIt) {
  queue_.Add("a");
  Pass(limits_.gather_time);
  for (const int seconds : {2, 4, 7, 7}) {
    ASSERT_EQ(queue_.Take(), "a");
    const absl::Duration wait = queue_.Failed("a", absl::ZeroDuration());
    EXPECT_LE(wait, absl::Seconds(seconds));
    EXPECT_GT(wait, absl::Seconds(seconds) * 0.99);
    EXPECT_EQ(queue_.depth(), 0u);
    Pass(absl::Seconds(seconds));
  }
  ASSERT_EQ(queue_.Take(), "a");
  queue_.Succeeded("a", absl::ZeroDuration());
  ASSERT_EQ(queue_.Take(), "a");
  EXPECT_LE(queue_.Failed("a", absl::ZeroDuration()), absl::Seconds(2));
  Pass(absl::Seconds(2));
  ASSERT_EQ(queue_.Take(), "a");
  EXPECT_EQ(queue_.Failed("a", absl::Minutes(1)), absl::Minutes(1)) << "as the server asked for";
}

TEST_F(QueueTest, WhoWaitsIsToldOfTheEnd) {
  std::thread waiting([this] { EXPECT_EQ(queue_.Take(), std::nullopt); });
  queue_.Stop();
  waiting.join();
  EXPECT_EQ(queue_.Take(), std::nullopt);
}

}  // namespace
}  // namespace turnout::controller

#include "connectors/steady_clock.h"

#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace turnout::connectors {
namespace {

TEST(SteadyClockTest, BeginsAsTheTimeOfDayAndGoesOn) {
  const absl::Time first = SteadyNow();
  EXPECT_LT(absl::AbsDuration(first - absl::Now()), absl::Seconds(5));
  EXPECT_GE(SteadyNow(), first);
}

TEST(SteadyClockTest, AWaitEndsAsSoonAsItsConditionHolds) {
  absl::Mutex mu;
  bool is_done = false;
  std::thread other([&] {
    const absl::MutexLock lock(&mu);
    is_done = true;
  });
  {
    const absl::MutexLock lock(&mu);
    EXPECT_TRUE(AwaitSteadily(&mu, absl::Condition(&is_done), absl::InfiniteDuration()));
  }
  other.join();
}

TEST(SteadyClockTest, AWaitEndsWhenItsTimeIsOver) {
  absl::Mutex mu;
  bool is_done = false;
  const absl::MutexLock lock(&mu);
  const absl::Time begun = SteadyNow();
  EXPECT_FALSE(AwaitSteadily(&mu, absl::Condition(&is_done), absl::Milliseconds(20)));
  EXPECT_GE(SteadyNow() - begun, absl::Milliseconds(20));
}

TEST(SteadyClockTest, WithoutTimeTheConditionIsLookedAtOnce) {
  absl::Mutex mu;
  bool is_done = false;
  const absl::MutexLock lock(&mu);
  EXPECT_FALSE(AwaitSteadily(&mu, absl::Condition(&is_done), absl::ZeroDuration()));
  is_done = true;
  EXPECT_TRUE(AwaitSteadily(&mu, absl::Condition(&is_done), -absl::Seconds(1)));
}

TEST(SteadyClockTest, AMutexThatIsHeldWhenTheTimeIsOverIsTriedAgain) {
  absl::Mutex mu;
  bool is_done = false;
  std::thread waiter([&] {
    const absl::MutexLock lock(&mu);
    EXPECT_FALSE(AwaitSteadily(&mu, absl::Condition(&is_done), absl::Milliseconds(10)));
  });
  {
    const absl::MutexLock lock(&mu);
    absl::SleepFor(absl::Milliseconds(30));
  }
  waiter.join();
}

TEST(SteadyClockTest, ManyWaitAtATimeAndEachForItsOwn) {
  absl::Mutex mu;
  bool never = false;
  std::vector<std::thread> waiters;
  waiters.reserve(20);
  for (int number = 0; number < 20; ++number) {
    waiters.emplace_back([&mu, &never, number] {
      absl::Mutex own;
      absl::Mutex* const chosen = number % 2 == 0 ? &mu : &own;
      for (int turn = 0; turn < 20; ++turn) {
        const absl::MutexLock lock(chosen);
        const absl::Duration timeout = absl::Milliseconds((number * 7 + turn) % 5);
        EXPECT_FALSE(AwaitSteadily(chosen, absl::Condition(&never), timeout));
      }
    });
  }
  for (std::thread& waiter : waiters) waiter.join();
}

}  // namespace
}  // namespace turnout::connectors

#include "deploy/manager/lease.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "state/directory_checkpoint_store.h"
#include "tests/support/memory_checkpoint_store.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

constexpr LeaseTimes kTimes = {.renew_ms = 3'000, .expire_ms = 10'000};

TEST(LeaseTest, TheFirstTakesItAndRenewsItAndTheOtherWaits) {
  support::MemoryCheckpointStore objects;
  Lease a(&objects, "a", kTimes);
  Lease b(&objects, "b", kTimes);
  int64_t now_ms = 50'000;
  for (; now_ms < 200'000; now_ms += 1'000) {
    EXPECT_EQ(a.Tick(now_ms).value().holder, "a");
    EXPECT_EQ(b.Tick(now_ms).value().holder, "a");
    EXPECT_TRUE(a.holds(now_ms));
    EXPECT_FALSE(b.holds(now_ms));
  }
  // Of all these terms a few are left.
  EXPECT_LE(objects.List("lease/").value().size(), 10u);
  EXPECT_GE(a.Tick(now_ms).value().number, 50);
}

TEST(LeaseTest, WhenTheHolderIsSilentItHoldsNoLongerBeforeTheOtherTakesOver) {
  support::MemoryCheckpointStore objects;
  Lease a(&objects, "a", kTimes);
  Lease b(&objects, "b", kTimes);
  // Their clocks have nothing to do with each other.
  const int64_t ahead_ms = -1'000'000;
  ASSERT_TRUE(a.Tick(0).ok());
  int64_t now_ms = 0;
  for (; !b.holds(now_ms + ahead_ms); now_ms += 500) {
    ASSERT_TRUE(b.Tick(now_ms + ahead_ms).ok());
    ASSERT_FALSE(a.holds(now_ms) && b.holds(now_ms + ahead_ms)) << now_ms;
    ASSERT_LT(now_ms, 20'000);
  }
  EXPECT_GE(now_ms, kTimes.expire_ms);
  // It comes back and sees that it is too late.
  EXPECT_EQ(a.Tick(now_ms).value().holder, "b");
  EXPECT_FALSE(a.holds(now_ms));
}

TEST(LeaseTest, AnEarlierLifeOfTheSameNameIsAnother) {
  support::MemoryCheckpointStore objects;
  ASSERT_TRUE(Lease(&objects, "a", kTimes).Tick(0).ok());
  Lease again(&objects, "a", kTimes);
  ASSERT_TRUE(again.Tick(100).ok());
  EXPECT_FALSE(again.holds(100));
  ASSERT_TRUE(again.Tick(10'100).ok());
  EXPECT_TRUE(again.holds(10'100));
}

TEST(LeaseTest, WhoWroteATermThatOthersHaveLongPassedHasNothing) {
  support::MemoryCheckpointStore objects;
  Lease a(&objects, "a", kTimes);
  LeaseJudge late("late", kTimes);
  ASSERT_TRUE(a.Tick(0).ok());
  ASSERT_FALSE(late.See({.number = 1, .holder = "a"}, 0).has_value());
  const std::optional<int64_t> next = late.See({.number = 1, .holder = "a"}, 60'000);
  ASSERT_EQ(next, 2);
  // Before it writes it, it is late indeed.
  for (int64_t now_ms = 0; now_ms < 100'000; now_ms += 3'000) ASSERT_TRUE(a.Tick(now_ms).ok());
  ASSERT_TRUE(objects.PutIfAbsent("lease/000000000002", "").value());
  EXPECT_FALSE(late.See({.number = 34, .holder = "a"}, 61'000).has_value());
  EXPECT_LT(late.holds_until_ms(), 0);
  EXPECT_EQ(a.Tick(100'000).value().holder, "a");
}

// Managers whose ticks come in any order, whose clocks are apart, and who pause, by seeds: no two
// hold it at one time, and it is never without a holder for long while somebody is awake.
TEST(LeaseTest, NoTwoHoldItAtOneTimeWhateverPausesThereAre) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    support::SeededRandom random(seed);
    support::MemoryCheckpointStore objects;
    std::vector<std::unique_ptr<Lease>> leases;
    std::vector<int64_t> ahead_ms;
    std::vector<int64_t> asleep_until_ms(3, 0);
    for (const std::string name : {"a", "b", "c"}) {
      leases.push_back(std::make_unique<Lease>(&objects, name, kTimes));
      ahead_ms.push_back(random.Between(-1'000'000'000, 1'000'000'000));
    }
    int takeovers = 0;
    size_t last = 0;
    for (int64_t now_ms = 0; now_ms < 600'000; now_ms += random.Between(100, 700)) {
      const size_t i = random.Below(3);
      if (now_ms < asleep_until_ms[i]) continue;
      if (random.OneIn(60)) asleep_until_ms[i] = now_ms + random.Between(1'000, 40'000);
      ASSERT_TRUE(leases[i]->Tick(now_ms + ahead_ms[i]).ok());
      std::vector<size_t> holding;
      for (size_t one = 0; one < 3; ++one) {
        if (leases[one]->holds(now_ms + ahead_ms[one])) holding.push_back(one);
      }
      ASSERT_LE(holding.size(), 1u) << "seed " << seed << " at " << now_ms;
      if (holding.empty() || holding[0] == last) continue;
      last = holding[0];
      ++takeovers;
    }
    EXPECT_GT(takeovers, 0) << "seed " << seed;
  }
}

TEST(LeaseTest, OfThreadsThatRaceForATermOneIsToldThatItHasIt) {
  support::TempDirectory directory;
  state::DirectoryCheckpointStore objects(directory.path());
  constexpr int kThreads = 4;
  constexpr int kRounds = 20;
  std::vector<std::unique_ptr<Lease>> leases;
  for (int i = 0; i < kThreads; ++i) {
    leases.push_back(
        std::make_unique<Lease>(&objects, std::string(1, static_cast<char>('a' + i)), kTimes));
  }
  // In each round, so late that the last term is over for all of them.
  for (int round = 1; round <= kRounds; ++round) {
    const int64_t now_ms = round * 100'000;
    std::vector<std::thread> threads;
    for (const auto& lease : leases) {
      threads.emplace_back([&lease, now_ms] { EXPECT_TRUE(lease->Tick(now_ms).ok()); });
    }
    for (std::thread& thread : threads) thread.join();
    int holding = 0;
    for (const auto& lease : leases) holding += lease->holds(now_ms);
    EXPECT_EQ(holding, 1) << round;
  }
}

}  // namespace
}  // namespace turnout::manager

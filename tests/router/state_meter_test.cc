#include "router/state_meter.h"

#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "state/task_state.h"
#include "tests/support/seeded_random.h"

namespace turnout::router {
namespace {

using support::SeededRandom;

constexpr int64_t kStart = 1'700'000'000'000;

TEST(StateMeter, CountsWhatMayBeSeenAndAFourteenthOfALifeMore) {
  StateMeter meter;
  meter.Add(100, kStart + 1'400, kStart, 1'400);
  EXPECT_EQ(meter.SizeAt(kStart), (StateSize{100, 1}));
  EXPECT_EQ(meter.SizeAt(kStart + 1'399), (StateSize{100, 1}));
  EXPECT_EQ(meter.SizeAt(kStart + 1'400 + 100), StateSize{});
}

TEST(StateMeter, WhatIsReplacedOrDeletedDoesNotCount) {
  StateMeter meter;
  meter.Add(100, kStart + 700, kStart, 1'400);
  meter.Add(60, state::kNeverExpires, kStart, 1'400);
  meter.Remove(100, kStart + 700);
  meter.Add(120, kStart + 1'000, kStart, 1'400);
  EXPECT_EQ(meter.SizeAt(kStart), (StateSize{180, 2}));
  meter.Remove(60, state::kNeverExpires);
  EXPECT_EQ(meter.SizeAt(kStart), (StateSize{120, 1}));
}

TEST(StateMeter, WhatWasNeverCountedIsNotTakenOff) {
  StateMeter meter;
  meter.Add(50, kStart + 100, kStart, 1'400);
  meter.Remove(100, kStart + 100);
  meter.Remove(100, state::kNeverExpires);
  EXPECT_EQ(meter.SizeAt(kStart), (StateSize{50, 1}));
}

// A rule's lateness or a dedup's `for` may change while entries live on.
TEST(StateMeter, LongerAndShorterLivesCountNothingTwiceAndNothingTooShort) {
  for (const int64_t next_life_ms : {int64_t{5}, int64_t{300}, int64_t{1'000'000}}) {
    StateMeter meter;
    for (int64_t i = 1; i <= 14; ++i) meter.Add(10, kStart + i * 100, kStart, 1'400);
    meter.Add(1, kStart + next_life_ms, kStart, next_life_ms);
    EXPECT_EQ(meter.SizeAt(kStart), (StateSize{141, 15})) << next_life_ms;
    for (int64_t i = 1; i <= 14; ++i) meter.Remove(10, kStart + i * 100);
    EXPECT_EQ(meter.SizeAt(kStart), (StateSize{1, 1})) << next_life_ms;
  }
}

TEST(StateMeter, BytesMeanTheSameMeter) {
  StateMeter meter;
  meter.Add(10, kStart + 1'000, kStart, 1'400);
  meter.Add(20, kStart + 1'400, kStart, 1'400);
  meter.Add(40, state::kNeverExpires, kStart, 1'400);
  std::string bytes;
  meter.AppendTo(&bytes);
  const std::optional<StateMeter> read = StateMeter::Read(bytes);
  ASSERT_TRUE(read.has_value());
  for (int64_t after = 0; after < 2'000; after += 50) {
    EXPECT_EQ(read->SizeAt(kStart + after), meter.SizeAt(kStart + after)) << after;
  }
  std::string again;
  read->AppendTo(&again);
  EXPECT_EQ(again, bytes);
}

// Against all entries, each looked at.
TEST(StateMeter, NeverCountsLessThanThereIsNorMuchMore) {
  struct Entry {
    int64_t key = 0;
    int64_t bytes = 0;
    int64_t expires_at_ms = 0;
    bool is_newest = true;
  };
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SeededRandom random(seed);
    const int64_t life_ms = random.Between(1, seed % 2 == 0 ? 100 : 100'000);
    const int64_t part_ms = (life_ms + 13) / 14;
    StateMeter meter;
    std::vector<Entry> entries;
    int64_t now_ms = random.Between(0, 1'000'000);
    for (int i = 0; i < 400; ++i) {
      now_ms += random.Between(0, life_ms / 10 + 1);
      const int64_t key = random.Between(0, 20);
      for (Entry& old : entries) {
        if (old.key != key) continue;
        old.is_newest = false;
        if (old.expires_at_ms <= now_ms) continue;
        meter.Remove(old.bytes, old.expires_at_ms);
        old.expires_at_ms = 0;
      }
      entries.push_back({key, random.Between(1, 100), now_ms + random.Between(1, life_ms)});
      meter.Add(entries.back().bytes, entries.back().expires_at_ms, now_ms, life_ms);

      int64_t least = 0;
      int64_t most = 0;
      for (const Entry& entry : entries) {
        if (entry.is_newest && entry.expires_at_ms > now_ms) least += entry.bytes;
        if (entry.expires_at_ms + part_ms >= now_ms) most += entry.bytes;
      }
      ASSERT_GE(meter.SizeAt(now_ms).bytes, least) << seed << " " << i;
      ASSERT_LE(meter.SizeAt(now_ms).bytes, most) << seed << " " << i;
    }
  }
}

}  // namespace
}  // namespace turnout::router

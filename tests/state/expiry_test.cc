#include "state/expiry.h"

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "state/task_store.h"
#include "tests/support/temp_directory.h"

namespace turnout::state {
namespace {

constexpr StepId kStep = 1;
constexpr StepId kPassing = 2;  // a step whose removal has the files rewritten
constexpr int kEntries = 1000;

class ExpiryTest : public ::testing::Test {
 protected:
  ExpiryTest() { store_ = TaskStore::Create(directory_.path() + "/store", &resources_, 0).value(); }

  void Put(int from, int to, int64_t expires_at_ms) {
    for (int i = from; i < to; ++i) {
      // Not to be compressed away.
      std::string value;
      for (uint64_t word = i + 1, n = 0; n < 16; ++n) {
        word = word * 6364136223846793005 + 1442695040888963407;
        value.append(reinterpret_cast<const char*>(&word), sizeof(word));
      }
      store_->Put(kStep, absl::StrCat("key-", i), value, expires_at_ms);
    }
  }

  void Commit(int64_t watermark_ms) {
    store_->AdvanceWatermark(watermark_ms);
    ASSERT_TRUE(store_->Commit(store_->point().applied_offset + 1, "r").ok());
  }

  // All that is durable lies in the last level afterwards.
  void FlushToTheLastLevel(int64_t watermark_ms) {
    store_->Put(kPassing, "x", "x", kNeverExpires);
    Commit(watermark_ms);
    ASSERT_TRUE(store_->Flush().ok());
    ASSERT_TRUE(store_->Retain({kStep}).ok());
    Commit(watermark_ms);
    ASSERT_TRUE(store_->Flush().ok());
    ASSERT_GE(store_->Collect().value(), 1u);
  }

  int Seen(TaskStore& store) {
    int seen = 0;
    EXPECT_TRUE(store.Scan(kStep, "", "", [&](auto, auto) { return ++seen > 0; }).ok());
    return seen;
  }

  support::TempDirectory directory_;
  StateResources resources_{StateLimits{}};
  std::unique_ptr<TaskStore> store_;
};

TEST_F(ExpiryTest, GivesBackTheDiskOfWhatHasExpired) {
  Put(0, kEntries, 1'000'000);
  FlushToTheLastLevel(0);
  const uint64_t full = store_->stats().disk_bytes;
  EXPECT_GT(full, uint64_t{kEntries} * 100);
  EXPECT_EQ(store_->Collect().value(), 0u);

  Commit(1'002'000);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(Seen(*store_), 0);
  EXPECT_GE(store_->Collect().value(), 1u);
  EXPECT_LT(store_->stats().disk_bytes, full / 10);
  EXPECT_EQ(store_->Collect().value(), 0u);
}

TEST_F(ExpiryTest, LeavesAFileAloneWhileMostOfItIsSeen) {
  Put(0, kEntries * 4 / 10, 100'000);
  Put(kEntries * 4 / 10, kEntries, 500'000);
  FlushToTheLastLevel(0);
  const uint64_t full = store_->stats().disk_bytes;
  Commit(200'000);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(store_->Collect().value(), 0u);
  EXPECT_GE(store_->stats().disk_bytes, full);
  EXPECT_EQ(Seen(*store_), kEntries * 6 / 10);
}

TEST_F(ExpiryTest, KeepsForeverWhatNeverExpires) {
  Put(0, kEntries, kNeverExpires);
  FlushToTheLastLevel(0);
  Commit(int64_t{1} << 60);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(store_->Collect().value(), 0u);
  EXPECT_EQ(Seen(*store_), kEntries);
}

TEST_F(ExpiryTest, GivesBackTheDiskOfADeletedStep) {
  Put(0, kEntries, kNeverExpires);
  FlushToTheLastLevel(0);
  const uint64_t full = store_->stats().disk_bytes;
  ASSERT_TRUE(store_->Retain({}).ok());
  Commit(0);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_GE(store_->Collect().value(), 1u);
  EXPECT_LT(store_->stats().disk_bytes, full / 10);
}

// A crash takes the watermark back. What only the lost one had expired must be seen again, although
// files were rewritten after it had passed.
TEST_F(ExpiryTest, DropsNothingThatACrashWouldBringBackIntoSight) {
  Put(0, kEntries * 6 / 10, 100'000);
  Put(kEntries * 6 / 10, kEntries, 200'000);
  FlushToTheLastLevel(0);
  Commit(150'000);
  ASSERT_TRUE(store_->Flush().ok());
  Commit(250'000);  // in memory only
  EXPECT_EQ(Seen(*store_), 0);
  EXPECT_GE(store_->Collect().value(), 1u);

  // What a kill would leave.
  const std::string left = directory_.path() + "/left";
  std::filesystem::copy(directory_.path() + "/store", left);
  auto store = TaskStore::Open(left, &resources_);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->watermark_ms(), 150'000);
  EXPECT_EQ(Seen(**store), kEntries * 4 / 10);
}

// The times of entries may lie as far apart as they like: what a file remembers of them is bounded.
TEST_F(ExpiryTest, TakesAnySpreadOfTimes) {
  for (int i = 0; i < kEntries; ++i) Put(i, i + 1, (i % 2 ? -1 : 1) * int64_t{1} << (i % 60));
  FlushToTheLastLevel(kNoWatermark);
  Commit(int64_t{1} << 61);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_GE(store_->Collect().value(), 1u);
  EXPECT_EQ(Seen(*store_), 0);
}

}  // namespace
}  // namespace turnout::state

#include "state/task_store.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/state/state_batches.h"
#include "tests/support/memory_state.h"
#include "tests/support/temp_directory.h"

namespace turnout::state {
namespace {

using ::testing::HasSubstr;

constexpr StateLimits kSmall{.memory_bytes_max = 8 << 20,
                             .memtable_bytes_max = 2 << 20,
                             .task_memtable_bytes_max = 64 << 10};

class TaskStoreTest : public ::testing::Test {
 protected:
  TaskStoreTest() { Create(100); }

  void Create(int64_t offset) {
    store_ = nullptr;
    auto store = TaskStore::Create(path(), &resources_, offset);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  void Reopen() {
    store_ = nullptr;
    auto store = TaskStore::Open(path(), &resources_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  std::string path() const { return directory_.path() + "/store"; }

  std::string Get(StepId step, std::string_view key) {
    std::string value;
    const absl::StatusOr<bool> found = store_->Get(step, key, &value);
    if (!found.ok()) return found.status().ToString();
    return *found ? value : "none";
  }

  std::string Scan(StepId step, std::string_view from, std::string_view to) {
    std::string text;
    EXPECT_TRUE(store_
                    ->Scan(step, from, to,
                           [&](std::string_view key, std::string_view value) {
                             text.append(key).append("=").append(value).append(" ");
                             return true;
                           })
                    .ok());
    return text;
  }

  // What Get answers, of a key of ApplyBatch's and of one that is never there.
  bool IsSameByKey(support::MemoryState& model, uint64_t number) {
    for (const StepId step : kSteps) {
      for (const char* end : {"", "x"}) {
        const std::string key = absl::StrCat("key-", number, end);
        std::string value;
        const std::string expected = model.Get(step, key, &value).value() ? value : "none";
        if (Get(step, key) != expected) return false;
      }
    }
    return true;
  }

  void Commit(int64_t offset) {
    const absl::Status status = store_->Commit(offset, "rules");
    ASSERT_TRUE(status.ok()) << status;
  }

  support::TempDirectory directory_;
  StateResources resources_{kSmall};
  std::unique_ptr<StateResources> seeds_resources_;
  std::unique_ptr<TaskStore> store_;
};

TEST_F(TaskStoreTest, BeginsEmptyAtTheOffsetItIsGiven) {
  EXPECT_EQ(store_->point(), (StatePoint{.start_offset = 100, .applied_offset = 100}));
  EXPECT_EQ(Get(1, "a"), "none");
  Reopen();
  EXPECT_EQ(store_->point(), (StatePoint{.start_offset = 100, .applied_offset = 100}));
}

TEST_F(TaskStoreTest, ReadsWhatIsPendingAndForgetsItOnRollback) {
  store_->Put(1, "a", "old", kNeverExpires);
  Commit(101);
  store_->Put(1, "a", "new", kNeverExpires);
  store_->Put(1, "b", "b", kNeverExpires);
  EXPECT_EQ(Get(1, "a"), "new");
  store_->Delete(1, "a");
  EXPECT_EQ(Get(1, "a"), "none");
  EXPECT_GT(store_->pending_bytes(), 0u);
  store_->Rollback();
  EXPECT_EQ(store_->pending_bytes(), 0u);
  EXPECT_EQ(Get(1, "a"), "old");
  EXPECT_EQ(Get(1, "b"), "none");
  EXPECT_EQ(Get(2, "a"), "none");
}

TEST_F(TaskStoreTest, TheNextBatchGoesOnFromASealedOneAndIsCommittedAfterIt) {
  store_->Put(1, "a", "1", kNeverExpires);
  store_->Put(1, "b", "1", kNeverExpires);
  store_->AdvanceWatermark(1000);
  store_->Seal();
  store_->Delete(1, "a");
  store_->Put(1, "c", "2", kNeverExpires);
  store_->AdvanceWatermark(2000);
  EXPECT_EQ(Get(1, "a"), "none");
  EXPECT_EQ(Scan(1, "", ""), "b=1 c=2 ");
  Commit(101);
  EXPECT_EQ(store_->point().watermark_ms, 1000);
  EXPECT_EQ(store_->watermark_ms(), 2000);
  EXPECT_EQ(Scan(1, "", ""), "b=1 c=2 ");
  store_->Rollback();
  EXPECT_EQ(store_->watermark_ms(), 1000);
  EXPECT_EQ(Scan(1, "", ""), "a=1 b=1 ");

  store_->Put(1, "a", "3", kNeverExpires);
  store_->Seal();
  store_->Put(1, "b", "4", kNeverExpires);
  store_->Rollback();
  EXPECT_EQ(Scan(1, "", ""), "a=1 b=1 ") << "no batch outlives the one that it goes on from";
  Commit(102);
  Reopen();
  EXPECT_EQ(Scan(1, "", ""), "a=1 b=1 ");
}

TEST_F(TaskStoreTest, WhatIsNotRetainedAfterASealGoesWithTheSealedBatchToo) {
  store_->Put(2, "sealed", "1", kNeverExpires);
  store_->Seal();
  ASSERT_TRUE(store_->Retain({1}).ok());
  EXPECT_EQ(Get(2, "sealed"), "none");
  Commit(101);
  EXPECT_EQ(Get(2, "sealed"), "none");
  Commit(102);
  Reopen();
  EXPECT_EQ(Scan(2, "", ""), "");
}

TEST_F(TaskStoreTest, KeepsEntriesAndPointOverAnOrderlyEnd) {
  store_->Put(1, "a", "1", kNeverExpires);
  store_->AdvanceWatermark(5000);
  Commit(142);
  store_->Put(1, "a", "2", kNeverExpires);  // not committed
  Reopen();
  EXPECT_EQ(Get(1, "a"), "1");
  EXPECT_EQ(
      store_->point(),
      (StatePoint{
          .start_offset = 100, .applied_offset = 142, .watermark_ms = 5000, .rule_set = "rules"}));
}

TEST_F(TaskStoreTest, HidesWhatTheWatermarkHasPassed) {
  store_->Put(1, "a", "1", 1000);
  Commit(101);
  store_->AdvanceWatermark(999);
  EXPECT_EQ(Get(1, "a"), "1");
  store_->AdvanceWatermark(1000);
  EXPECT_EQ(Get(1, "a"), "none");
  EXPECT_EQ(Scan(1, "", ""), "");
  store_->AdvanceWatermark(10);
  EXPECT_EQ(store_->watermark_ms(), 1000);
  store_->Rollback();
  EXPECT_EQ(Get(1, "a"), "1");
}

TEST_F(TaskStoreTest, ScansPendingAndCommittedInOneOrder) {
  for (const char* key : {"a", "c", "e"}) store_->Put(1, key, "old", kNeverExpires);
  store_->Put(2, "b", "other", kNeverExpires);
  Commit(101);
  store_->Put(1, "b", "new", kNeverExpires);
  store_->Put(1, "c", "new", kNeverExpires);
  store_->Delete(1, "e");
  store_->Put(1, "f", "new", kNeverExpires);
  EXPECT_EQ(Scan(1, "", ""), "a=old b=new c=new f=new ");
  EXPECT_EQ(Scan(1, "b", "f"), "b=new c=new ");
  EXPECT_EQ(Scan(2, "", ""), "b=other ");
}

TEST_F(TaskStoreTest, ScansWhatWasChangedSinceTheLastScan) {
  store_->Put(1, "b", "1", kNeverExpires);
  store_->Put(2, "b", "other", kNeverExpires);
  EXPECT_EQ(Scan(1, "", ""), "b=1 ");
  store_->Put(1, "a", "2", kNeverExpires);
  store_->Put(1, "b", "longer than what was there", kNeverExpires);
  store_->Put(2, "a", "other", kNeverExpires);
  EXPECT_EQ(Scan(1, "", ""), "a=2 b=longer than what was there ");
  store_->Delete(1, "a");
  store_->Put(1, "b", "3", kNeverExpires);
  EXPECT_EQ(Scan(1, "", ""), "b=3 ");
  EXPECT_EQ(Scan(2, "", ""), "a=other b=other ");

  store_->Seal();
  store_->Put(1, "c", "4", kNeverExpires);
  EXPECT_EQ(Scan(1, "", ""), "b=3 c=4 ");
  store_->Put(1, "a", "5", kNeverExpires);
  EXPECT_EQ(Scan(1, "", ""), "a=5 b=3 c=4 ");
  ASSERT_TRUE(store_->Retain({2}).ok());
  EXPECT_EQ(Scan(1, "", ""), "");
  store_->Put(1, "c", "6", kNeverExpires);
  EXPECT_EQ(Scan(1, "", ""), "c=6 ");
  store_->Rollback();
  EXPECT_EQ(Scan(1, "", ""), "");
  EXPECT_EQ(store_->pending_bytes(), 0U);
}

TEST_F(TaskStoreTest, DeletesTheStepsThatAreNotRetained) {
  for (const StepId step : kSteps) store_->Put(step, "a", "1", kNeverExpires);
  Commit(101);
  store_->Put(2, "pending", "1", kNeverExpires);
  ASSERT_TRUE(store_->Retain({1, kSteps[3]}).ok());
  EXPECT_EQ(Get(1, "a"), "1");
  EXPECT_EQ(Get(2, "a"), "none");
  EXPECT_EQ(Get(2, "pending"), "none");
  EXPECT_EQ(Get(kSteps[3], "a"), "1");
  store_->Rollback();
  EXPECT_EQ(Get(2, "a"), "1");
  ASSERT_TRUE(store_->Retain({1}).ok());
  store_->Put(2, "b", "after", kNeverExpires);
  Commit(102);
  Reopen();
  EXPECT_EQ(Get(1, "a"), "1");
  EXPECT_EQ(Scan(2, "", ""), "b=after ");
  EXPECT_EQ(Get(kSteps[3], "a"), "none");
}

TEST_F(TaskStoreTest, DoesNotGoBack) {
  Commit(200);
  EXPECT_EQ(store_->Commit(199, "rules").code(), absl::StatusCode::kInternal);
  EXPECT_EQ(store_->point().applied_offset, 200);
}

TEST_F(TaskStoreTest, TellsAbsenceFromDamageAndFromAnotherOwner) {
  EXPECT_EQ(TaskStore::Open(directory_.path() + "/none", &resources_).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(TaskStore::Open(path(), &resources_).status().code(), absl::StatusCode::kUnavailable);
  store_ = nullptr;
  std::filesystem::remove(path() + "/CURRENT");
  EXPECT_EQ(TaskStore::Open(path(), &resources_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(TaskStoreTest, SaysSoWhenAFileIsGoneOrCut) {
  for (int i = 0; i < 100; ++i) store_->Put(1, absl::StrCat(i), "value", kNeverExpires);
  Commit(101);
  store_ = nullptr;
  for (const auto& file : std::filesystem::directory_iterator(path())) {
    const std::string extension = file.path().extension();
    if (extension != ".sst" && file.path().filename().string().rfind("MANIFEST", 0) != 0) continue;
    const std::string copy = directory_.path() + "/copy";
    for (const bool remove : {true, false}) {
      std::filesystem::remove_all(copy);
      std::filesystem::copy(path(), copy);
      const std::string victim = copy + "/" + file.path().filename().string();
      if (remove) {
        std::filesystem::remove(victim);
      } else {
        std::filesystem::resize_file(victim, file.file_size() / 2);
      }
      const auto store = TaskStore::Open(copy, &resources_);
      EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << victim << store.status();
    }
  }
}

TEST_F(TaskStoreTest, CreateRemovesWhatWasThereAndWhatWasUnfinished) {
  store_->Put(1, "a", "1", kNeverExpires);
  Commit(200);
  store_ = nullptr;
  std::filesystem::create_directories(path() + ".unfinished/x");
  Create(300);
  EXPECT_EQ(Get(1, "a"), "none");
  EXPECT_EQ(store_->point().applied_offset, 300);
  EXPECT_FALSE(std::filesystem::exists(path() + ".unfinished"));
}

TEST_F(TaskStoreTest, ASnapshotIsAStoreOfItsOwn) {
  store_->Put(1, "a", "1", kNeverExpires);
  Commit(101);
  const std::string copy = directory_.path() + "/snapshot";
  ASSERT_TRUE(store_->Snapshot(copy).ok());
  store_->Put(1, "a", "2", kNeverExpires);
  Commit(102);
  store_ = nullptr;
  auto snapshot = TaskStore::Open(copy, &resources_);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ((*snapshot)->point().applied_offset, 101);
  store_ = *std::move(snapshot);
  EXPECT_EQ(Get(1, "a"), "1");
}

// Whatever happens between two batches, the state is that of two maps in memory: whether most of it
// is recent, in files, or on its way from one to the other.
TEST_F(TaskStoreTest, AnswersLikeTwoMapsWhateverHappensOnDisk) {
  constexpr size_t kTableBytes[] = {4 << 10, 16 << 10, 64 << 10, 1 << 20};
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    StateLimits limits = kSmall;
    limits.task_memtable_bytes_max = kTableBytes[seed % std::size(kTableBytes)];
    store_ = nullptr;
    seeds_resources_ = std::make_unique<StateResources>(limits);
    store_ = TaskStore::Create(path(), seeds_resources_.get(), 0).value();
    support::MemoryState model(0);
    support::SeededRandom random(seed);
    for (int64_t offset = 0; offset < 300; ++offset) {
      ASSERT_TRUE(ApplyBatch(*store_, seed, offset).ok());
      ASSERT_TRUE(ApplyBatch(model, seed, offset).ok());
      if (random.OneIn(10)) {
        ASSERT_EQ(support::Dump(*store_, kSteps), support::Dump(model, kSteps)) << seed;
        // More of what was scanned already.
        ASSERT_TRUE(ApplyBatch(*store_, seed, offset + 1).ok());
        ASSERT_TRUE(ApplyBatch(model, seed, offset + 1).ok());
        ASSERT_EQ(support::Dump(*store_, kSteps), support::Dump(model, kSteps)) << seed;
      }
      if (random.OneIn(6)) {
        store_->Rollback();
        model.Rollback();
      }
      ASSERT_TRUE(!random.OneIn(5) || IsSameByKey(model, random.Below(200))) << seed;
      if (random.OneIn(3)) {
        store_->Seal();
        model.Seal();
        ASSERT_TRUE(ApplyBatch(*store_, seed, offset + 1).ok());
        ASSERT_TRUE(ApplyBatch(model, seed, offset + 1).ok());
        ASSERT_TRUE(!random.OneIn(3) || IsSameByKey(model, random.Below(200))) << seed;
        Commit(offset + 1);
        ASSERT_TRUE(model.Commit(offset + 1, "rules").ok());
        ASSERT_EQ(support::Dump(*store_, kSteps), support::Dump(model, kSteps)) << seed;
        ++offset;
      }
      Commit(offset + 1);
      ASSERT_TRUE(model.Commit(offset + 1, "rules").ok());
      ASSERT_TRUE(!random.OneIn(12) || store_->Flush().ok());
      ASSERT_TRUE(!random.OneIn(12) || store_->Collect().ok());
      if (!random.OneIn(60)) continue;
      store_ = nullptr;
      store_ = TaskStore::Open(path(), seeds_resources_.get()).value();
    }
    ASSERT_EQ(support::Dump(*store_, kSteps), support::Dump(model, kSteps)) << seed;
    for (uint64_t number = 0; number < 200; ++number) {
      ASSERT_TRUE(IsSameByKey(model, number)) << seed;
    }
  }
}

// What the header allows another thread to do, it does all the while.
TEST_F(TaskStoreTest, CommitsGoOnWhileAnotherThreadCollectsAndTakesSnapshots) {
  Create(0);
  support::MemoryState model(0);
  std::atomic<bool> stop = false;
  std::thread other([&] {
    const std::string copy = directory_.path() + "/snapshot";
    while (!stop) {
      EXPECT_TRUE(store_->Collect().ok());
      EXPECT_TRUE(store_->Snapshot(copy).ok());
      EXPECT_LE(store_->stats().durable_watermark_ms, 1'000'000);
      std::filesystem::remove_all(copy);
    }
  });
  for (int64_t offset = 0; offset < 400; ++offset) {
    EXPECT_TRUE(ApplyBatch(*store_, 9, offset).ok());
    EXPECT_TRUE(store_->Commit(offset + 1, "rules").ok());
    EXPECT_TRUE(ApplyBatch(model, 9, offset).ok());
    EXPECT_TRUE(model.Commit(offset + 1, "rules").ok());
  }
  stop = true;
  other.join();
  EXPECT_EQ(support::Dump(*store_, kSteps), support::Dump(model, kSteps));
}

}  // namespace
}  // namespace turnout::state

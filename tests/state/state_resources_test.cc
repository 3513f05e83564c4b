#include "state/state_resources.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "state/task_store.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_directory.h"

#if defined(__has_feature)
#define TURNOUT_HAS_FEATURE(x) __has_feature(x)
#else
#define TURNOUT_HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    TURNOUT_HAS_FEATURE(address_sanitizer) || TURNOUT_HAS_FEATURE(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

namespace turnout::state {
namespace {

size_t ResidentBytes() {
  size_t total = 0;
  size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

std::string RandomBytes(support::SeededRandom& random, size_t bytes) {
  std::string value;
  while (value.size() < bytes) {
    const uint64_t word = random.Next();
    value.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  return value;
}

TEST(StateResources, BringsLimitsThatContradictEachOtherIntoOrder) {
  const StateResources resources({.memory_bytes_max = 100 << 20,
                                  .memtable_bytes_max = 90 << 20,
                                  .task_memtable_bytes_max = 80 << 20});
  EXPECT_EQ(resources.limits().memtable_bytes_max, size_t{50} << 20);
  EXPECT_EQ(resources.limits().task_memtable_bytes_max, size_t{25} << 20);
}

// Each task writes little and then idles with it in its memtable; together it would be five times
// the limit.
TEST(StateResources, HundredTasksStayBelowTheCeilingThatTheyShare) {
  constexpr int kTasks = 100;
  constexpr int kBatches = 4;
  constexpr int kBatchBytes = 64 << 10;
  constexpr size_t kTaskBookkeepingBytesMax = 1 << 20;
  const StateLimits limits{.memory_bytes_max = 16 << 20,
                           .memtable_bytes_max = 5 << 20,
                           .task_memtable_bytes_max = 2 << 20};
  support::TempDirectory directory;
  StateResources resources(limits);
  support::SeededRandom random(1);
  const size_t before = ResidentBytes();
  std::vector<std::unique_ptr<TaskStore>> stores;
  for (int task = 0; task < kTasks; ++task) {
    auto store = TaskStore::Create(absl::StrCat(directory.path(), "/", task), &resources, 0);
    ASSERT_TRUE(store.ok()) << store.status();
    stores.push_back(*std::move(store));
  }
  RecordProperty("bytes_per_open_task", static_cast<int>((ResidentBytes() - before) / kTasks));

  size_t most = 0;
  for (int batch = 0; batch < kBatches; ++batch) {
    for (auto& store : stores) {
      for (int i = 0; i < kBatchBytes / 1024; ++i) {
        store->Put(1, absl::StrCat(batch, "-", i), RandomBytes(random, 1024), kNeverExpires);
      }
      const absl::Status status = store->Commit(batch + 1, "r");
      ASSERT_TRUE(status.ok()) << status;
      ASSERT_LE(resources.memtable_bytes(), limits.memtable_bytes_max);
      ASSERT_LE(resources.memory_bytes(), limits.memory_bytes_max);
      most = std::max(most, resources.memtable_bytes());
    }
  }
  EXPECT_GT(most, limits.memtable_bytes_max / 2);  // it is used, too

  // Reading all of it fills the cache and no more.
  std::string value;
  for (auto& store : stores) {
    for (int i = 0; i < kBatches * kBatchBytes / 1024; ++i) {
      const std::string key = absl::StrCat(i / 64, "-", i % 64);
      ASSERT_TRUE(store->Get(1, key, &value).value()) << key;
    }
    ASSERT_LE(resources.memory_bytes(), limits.memory_bytes_max);
  }
  if (kSanitized) return;
  EXPECT_LT(ResidentBytes() - before, limits.memory_bytes_max + kTasks * kTaskBookkeepingBytesMax);
}

// Its files are gone while it has the most of the memory.
TEST(StateResources, AStoreThatIsLostIsToldSoAndHoldsUpNoOther) {
  support::TempDirectory directory;
  StateResources resources({.memory_bytes_max = 8 << 20, .memtable_bytes_max = 1 << 20});
  support::SeededRandom random(1);
  int64_t offset = 0;
  const auto commit = [&](TaskStore& store, int entries) {
    for (int i = 0; i < entries; ++i) {
      store.Put(1, absl::StrCat(offset, "-", i), RandomBytes(random, 1024), kNeverExpires);
    }
    return store.Commit(++offset, "r");
  };
  auto lost = TaskStore::Create(directory.path() + "/lost", &resources, 0).value();
  auto other = TaskStore::Create(directory.path() + "/other", &resources, 0).value();
  ASSERT_TRUE(commit(*lost, 400).ok());
  std::filesystem::remove_all(directory.path() + "/lost");
  for (int i = 0; i < 40; ++i) {
    const absl::Status status = commit(*other, 60);
    ASSERT_TRUE(status.ok()) << i << ": " << status;
  }
  absl::Status status;
  for (int i = 0; i < 20 && status.ok(); ++i) status = commit(*lost, 60);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
}

TEST(StateResources, ABatchLargerThanTheMemoryStillGoesThrough) {
  support::TempDirectory directory;
  StateResources resources({.memory_bytes_max = 2 << 20, .memtable_bytes_max = 1 << 20});
  auto store = TaskStore::Create(directory.path() + "/store", &resources, 0).value();
  support::SeededRandom random(1);
  for (int i = 0; i < 3000; ++i) {
    store->Put(1, absl::StrCat(i), RandomBytes(random, 1024), kNeverExpires);
  }
  ASSERT_TRUE(store->Commit(1, "r").ok());
  std::string value;
  EXPECT_TRUE(store->Get(1, "2999", &value).value());
  ASSERT_TRUE(store->Commit(2, "r").ok());
  EXPECT_LE(resources.memtable_bytes(), resources.limits().memtable_bytes_max);
}

}  // namespace
}  // namespace turnout::state

// Kills a process that commits, and fills its disk: the store is at an earlier commit exactly, or
// says what is wrong. This program is both the test and, with --child, the process.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "state/checkpoint.h"
#include "state/directory_checkpoint_store.h"
#include "state/files.h"
#include "state/task_store.h"
#include "tests/state/state_batches.h"
#include "tests/support/child_process.h"
#include "tests/support/memory_state.h"
#include "tests/support/temp_directory.h"

namespace turnout::state {
namespace {

// Little memory, so that files are written and merged all the time.
constexpr StateLimits kTiny{.memory_bytes_max = 4 << 20,
                            .memtable_bytes_max = 1 << 20,
                            .task_memtable_bytes_max = 64 << 10};
constexpr int kSkipped = 77;
constexpr uint64_t kSeed = 11;

// Goes on from where the store is, a byte to standard output a commit, until it is killed.
int CommitUntilKilled(const std::string& directory) {
  StateResources resources(kTiny);
  auto store = TaskStore::Open(directory, &resources);
  if (absl::IsNotFound(store.status())) store = TaskStore::Create(directory, &resources, 0);
  if (!store.ok()) return 1;
  while (true) {
    const int64_t offset = (*store)->point().applied_offset;
    if (!ApplyBatch(**store, kSeed, offset).ok()) return 1;
    if (!(*store)->Commit(offset + 1, "rules").ok()) return 1;
    if (offset % 64 == 0 && !(*store)->Collect().ok()) return 1;
    if (::write(STDOUT_FILENO, "c", 1) != 1) return 1;
  }
}

// Commits on a disk of 8 MiB, 6 of them taken, until it is full, makes room, commits again, and
// looks at all of it.
int CommitOnAFullDisk(const std::string& directory) {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=8m") != 0) {
    return kSkipped;
  }
  const std::string filler = directory + "/filler";
  if (!WriteFile(filler, std::string(6 << 20, 'x')).ok()) return 1;
  StateResources resources(kTiny);
  auto store = TaskStore::Create(directory + "/store", &resources, 0);
  if (!store.ok()) return 2;
  support::SeededRandom random(1);
  absl::Status status;
  int64_t offset = 0;
  while (offset < 1000) {
    for (int i = 0; i < 32; ++i) {
      std::string value;
      while (value.size() < 512) value.append(absl::StrCat(absl::Hex(random.Next())));
      (*store)->Put(1, absl::StrCat(offset, "-", i), value, kNeverExpires);
    }
    status = (*store)->Commit(offset + 1, "rules");
    if (!status.ok()) break;
    ++offset;
  }
  if (!absl::IsResourceExhausted(status)) {
    std::fprintf(stderr, "commit %d: %s\n", static_cast<int>(offset), status.ToString().c_str());
    return 3;
  }
  if ((*store)->point().applied_offset != offset) return 4;
  std::filesystem::remove(filler);
  // RocksDB looks for room by itself, every five seconds.
  for (int tries = 0; tries < 400 && !status.ok(); ++tries) {
    ::usleep(50'000);
    status = (*store)->Commit(offset + 1, "rules");
  }
  if (!status.ok()) {
    std::fprintf(stderr, "after making room: %s\n", status.ToString().c_str());
    return 5;
  }
  std::string value;
  for (int64_t one = 0; one <= offset; ++one) {
    for (int i = 0; i < 32; ++i) {
      if (!(*store)->Get(1, absl::StrCat(one, "-", i), &value).value_or(false)) return 6;
    }
  }
  return 0;
}

// Writes tests/state/data/checkpoint_2; of use again when there is a format 3.
int WriteCheckpoint(const std::string& directory) {
  StateResources resources(kTiny);
  auto store = TaskStore::Create(directory + "/store", &resources, 0, "5d0e6f1a2b3c4d5e");
  if (!store.ok()) return 1;
  for (int64_t offset = 0; offset < 60; ++offset) {
    if (!ApplyBatch(**store, 21, offset).ok()) return 1;
    if (!(*store)->Commit(offset + 1, "rules").ok()) return 1;
  }
  DirectoryCheckpointStore objects(directory + "/checkpoint");
  TaskCheckpoints checkpoints(&objects, "orders/3", directory + "/scratch");
  return checkpoints.Take(store->get(), 1'795'600'000'000).ok() ? 0 : 1;
}

int RunChild(std::string_view what, const std::string& directory) {
  if (what == "commit") return CommitUntilKilled(directory);
  if (what == "full-disk") return CommitOnAFullDisk(directory);
  if (what == "checkpoint") return WriteCheckpoint(directory);
  return 1;
}

TEST(TaskStoreCrash, AKilledStoreIsAtAnEarlierCommitExactly) {
  support::TempDirectory directory;
  const std::string path = directory.path() + "/store";
  StateResources resources(kTiny);
  support::MemoryState model(0);
  support::SeededRandom random(3);
  int64_t survived = 0;
  for (int round = 0; round < 12; ++round) {
    support::ChildProcess child({"--child", "commit", path});
    ASSERT_TRUE(child.AwaitBytes(random.Between(1, 1200)));
    child.Kill();
    auto store = TaskStore::Open(path, &resources);
    ASSERT_TRUE(store.ok()) << store.status();
    const int64_t applied = (*store)->point().applied_offset;
    ASSERT_GE(applied, survived) << "what was durable is gone";
    for (int64_t offset = survived; offset < applied; ++offset) {
      ASSERT_TRUE(ApplyBatch(model, kSeed, offset).ok());
      ASSERT_TRUE(model.Commit(offset + 1, "rules").ok());
    }
    ASSERT_EQ(support::Dump(**store, kSteps), support::Dump(model, kSteps)) << "round " << round;
    survived = applied;
  }
  EXPECT_GT(survived, 500);
}

TEST(TaskStoreCrash, AFullDiskIsResourceExhaustedAndOverWhenThereIsRoom) {
  support::TempDirectory directory;
  support::ChildProcess child({"--child", "full-disk", directory.path()});
  const int status = child.Await();
  if (status == kSkipped) GTEST_SKIP() << "mounting a small disk takes root";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace turnout::state

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--child") {
    return turnout::state::RunChild(argv[2], argv[3]);
  }
  turnout::support::KeepInMemory();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

// Kills a process that commits, and fills its disk: the store is at an earlier commit exactly, or
// says what is wrong. This program is both the test and, with --child, the process.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
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
#include "tests/support/memory_state.h"
#include "tests/support/temp_directory.h"

extern char** environ;

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

class Child {
 public:
  explicit Child(std::vector<std::string> arguments) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string self = "/proc/self/exe";
    std::vector<char*> argv{self.data()};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    EXPECT_EQ(::posix_spawn(&pid_, self.c_str(), &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    out_ = ends[0];
  }
  ~Child() {
    Kill();
    ::close(out_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // False if it ended before.
  bool AwaitCommits(int64_t commits) {
    char byte = 0;
    for (; commits > 0; --commits) {
      if (::read(out_, &byte, 1) != 1) return false;
    }
    return true;
  }

  void Kill() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    Await();
  }

  int Await() {
    int status = 0;
    if (pid_ > 0) ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  int out_ = -1;
};

TEST(TaskStoreCrash, AKilledStoreIsAtAnEarlierCommitExactly) {
  support::TempDirectory directory;
  const std::string path = directory.path() + "/store";
  StateResources resources(kTiny);
  support::MemoryState model(0);
  support::SeededRandom random(3);
  int64_t survived = 0;
  for (int round = 0; round < 12; ++round) {
    Child child({"--child", "commit", path});
    ASSERT_TRUE(child.AwaitCommits(random.Between(1, 1200)));
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
  Child child({"--child", "full-disk", directory.path()});
  const int status = child.Await();
  if (status == kSkipped) GTEST_SKIP() << "mounting a small disk takes root";
  EXPECT_EQ(status, 0);
}

// Where there is a file system in memory with room, all tests of this program use it: RocksDB syncs
// every file it writes, and a busy disk takes ten times as long as the tests. A kill leaves the
// same behind there: what was written, synced or not.
void KeepInMemory() {
  constexpr char kPath[] = "/dev/shm";
  constexpr uint64_t kBytesMin = 400 << 20;
  struct statvfs room = {};
  if (::statvfs(kPath, &room) != 0 || ::access(kPath, W_OK) != 0) return;
  if (uint64_t{room.f_bavail} * room.f_frsize < kBytesMin) return;
  ::setenv("TMPDIR", kPath, /*overwrite=*/0);
}

}  // namespace
}  // namespace turnout::state

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--child") {
    return turnout::state::RunChild(argv[2], argv[3]);
  }
  turnout::state::KeepInMemory();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

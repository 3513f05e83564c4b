// Kills a process that applies changes, 200 times: what it acknowledged is there, whole, and the
// numbers have no gap. This program is the test, with --child the process that kills, and forked
// from that the processes that are killed: a fork takes no time, but would be of no use to a store
// in a process that has had one open.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "deploy/manager/item_store.h"
#include "gtest/gtest.h"
#include "state/files.h"
#include "tests/support/child_process.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

constexpr int kKills = 200;
constexpr uint64_t kSeed = 5;
constexpr int kSkipped = 77;
constexpr int kNames = 7;

ItemId IdOf(int64_t i) { return {"checkout", ItemKind::kRules, absl::StrCat("team", i % kNames)}; }

// All that a change says follows from its number: three items of different sizes.
std::vector<Edit> EditsOf(int64_t number) {
  std::vector<Edit> edits;
  for (int64_t i = 0; i < 3; ++i) {
    std::string text = absl::StrCat("change ", number, " ", i, " ");
    text.append(static_cast<size_t>(number * 37 % 5 * 1'000 * (i + 1)), 'x');
    edits.push_back({.id = IdOf(number + i), .content = ItemContent{.text = std::move(text)}});
  }
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.id < b.id; });
  return edits;
}

absl::StatusOr<std::unique_ptr<ItemStore>> Open(const std::string& directory) {
  return ItemStore::Open(directory, [] { return int64_t{1}; });
}

// Empty: changes `from` to the newest are there as they were made, items as the newest left them.
std::string FaultIn(const ItemStore& store, int64_t from) {
  for (int64_t number = from; number <= store.newest(); ++number) {
    const std::string name = absl::StrCat("change ", number);
    const absl::StatusOr<Change> change = store.FindChange(number);
    if (!change.ok()) return absl::StrCat(name, ": ", change.status().ToString());
    const std::vector<Edit> edits = EditsOf(number);
    bool is_same = change->number == number && change->edits.size() == edits.size();
    for (size_t i = 0; is_same && i < edits.size(); ++i) {
      is_same = change->edits[i].id == edits[i].id && change->edits[i].content == edits[i].content;
    }
    if (!is_same) return absl::StrCat(name, " is not whole: ", ToJson(*change));
    for (const Edit& edit : edits) {
      const auto at = store.GetAt(edit.id, number);
      if (!at.ok() || !at->has_value() || (*at)->content != edit.content) {
        return absl::StrCat(edit.id.ToString(), " is not as ", name, " left it");
      }
    }
  }
  const auto after = store.FindChange(store.newest() + 1);
  return absl::IsNotFound(after.status()) ? "" : "there is a change behind the newest";
}

// Goes on from where the store is, which must be whole from `from` on. Says where that is, then
// each number that Apply has returned.
int ApplyUntilKilled(const std::string& directory, int64_t from, int out) {
  const auto store = Open(directory);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return 2;
  }
  const std::string fault = FaultIn(**store, from);
  if (!fault.empty()) {
    std::fprintf(stderr, "%s\n", fault.c_str());
    return 3;
  }
  int64_t number = (*store)->newest();
  while (::write(out, &number, sizeof(number)) == sizeof(number)) {
    const absl::StatusOr<Change> change =
        (*store)->Apply({.by = "ada", .edits = EditsOf(number + 1)}, nullptr);
    if (!change.ok()) {
      std::fprintf(stderr, "%s\n", change.status().ToString().c_str());
      return 4;
    }
    number = change->number;
  }
  return 5;
}

// Reads a number; false: there is none to come.
bool ReadNumber(int in, int64_t* number) {
  return ::read(in, number, sizeof(*number)) == sizeof(*number);
}

// One life: until it has said `wanted` numbers and a little longer, by turns of an empty loop. 0:
// it was killed, and all is well; `acknowledged` is the last number that it said.
int LiveAndDie(const std::string& directory, int wanted, int64_t turns, int64_t* acknowledged) {
  int ends[2];
  if (::pipe(ends) != 0) return 6;
  const int64_t before = *acknowledged;
  const pid_t pid = ::fork();
  if (pid < 0) return 6;
  if (pid == 0) {
    ::close(ends[0]);
    ::_exit(ApplyUntilKilled(directory, std::max<int64_t>(before - 2, 1), ends[1]));
  }
  ::close(ends[1]);
  int64_t number = 0;
  bool is_first = true;
  const auto read_one = [&] {
    if (!ReadNumber(ends[0], &number)) return false;
    // What it has found: all that was acknowledged, and perhaps one that was not yet.
    if (is_first && (number < before || number > before + 1)) *acknowledged = -1;
    is_first = false;
    if (*acknowledged >= 0) *acknowledged = number;
    return true;
  };
  while (wanted > 0 && read_one()) --wanted;
  for (volatile int64_t turn = 0; turn < turns;) turn = turn + 1;
  ::kill(pid, SIGKILL);
  while (read_one()) {
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) return WEXITSTATUS(status);
  if (*acknowledged < 0) {
    std::fprintf(stderr, "after change %d it found itself elsewhere\n", static_cast<int>(before));
    return 7;
  }
  return 0;
}

int KillAgainAndAgain(const std::string& directory) {
  support::SeededRandom random(kSeed);
  int64_t acknowledged = 0;
  for (int kill = 0; kill < kKills; ++kill) {
    // Some while they open the store and have said nothing yet.
    const int wanted = static_cast<int>(random.OneIn(8) ? 0 : random.Between(1, 6));
    const int64_t turns = random.Below(wanted == 0 ? 8'000'000 : 200'000);
    if (const int fault = LiveAndDie(directory, wanted, turns, &acknowledged); fault != 0) {
      std::fprintf(stderr, "at kill %d\n", kill + 1);
      return fault;
    }
    std::printf("k");
  }
  std::printf("\n");
  std::fflush(stdout);
  // So many that they can't all have died before they applied something.
  return acknowledged > kKills ? 0 : 8;
}

TEST(ItemStoreCrashTest, NoAcknowledgedChangeIsLostIn200Kills) {
  support::TempDirectory directory;
  support::ChildProcess child({"--child", "kills", directory.path()});
  EXPECT_TRUE(child.AwaitBytes(kKills + 1)) << "it was killed less often";
  ASSERT_EQ(child.Await(), 0);
  const auto store = Open(directory.path());
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_GT((*store)->newest(), kKills);
  EXPECT_EQ(FaultIn(**store, 1), "");
}

// On a disk of 12 MiB: applies changes until it is full, makes room, applies again, and looks at
// all of it.
int ApplyOnAFullDisk(const std::string& directory) {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=12m") != 0) {
    return kSkipped;
  }
  const std::string filler = directory + "/filler";
  if (!state::WriteFile(filler, std::string(8 << 20, 'x')).ok()) return 1;
  auto store = Open(directory + "/store");
  if (!store.ok()) return 2;
  int64_t applied = 0;
  const auto apply = [&] {
    return (*store)->Apply({.by = "ada", .edits = EditsOf(applied + 1)}, nullptr).status();
  };
  absl::Status status;
  while (applied < 20'000 && (status = apply()).ok()) ++applied;
  if (!absl::IsResourceExhausted(status) || (*store)->newest() != applied) {
    std::fprintf(stderr, "change %d: %s\n", static_cast<int>(applied + 1),
                 status.ToString().c_str());
    return 3;
  }
  if (const std::string fault = FaultIn(**store, 1); !fault.empty()) return 4;
  if (::unlink(filler.c_str()) != 0) return 5;
  // The store looks for room by itself, every five seconds.
  for (int tries = 0; tries < 400 && !(status = apply()).ok(); ++tries) ::usleep(50'000);
  if (!status.ok()) {
    std::fprintf(stderr, "after making room: %s\n", status.ToString().c_str());
    return 6;
  }
  ++applied;
  store->reset();
  store = Open(directory + "/store");
  if (!store.ok() || (*store)->newest() != applied) {
    std::fprintf(stderr, "opened again: %s\n", store.status().ToString().c_str());
    return 7;
  }
  const std::string fault = FaultIn(**store, 1);
  std::fprintf(stderr, "%s", fault.c_str());
  return fault.empty() ? 0 : 8;
}

TEST(ItemStoreCrashTest, AFullDiskIsResourceExhaustedAndOverWhenThereIsRoom) {
  support::TempDirectory directory;
  support::ChildProcess child({"--child", "full-disk", directory.path()});
  const int status = child.Await();
  if (status == kSkipped) GTEST_SKIP() << "mounting a small disk takes root";
  EXPECT_EQ(status, 0);
}

int RunChild(std::string_view what, const std::string& directory) {
  if (what == "kills") return KillAgainAndAgain(directory);
  if (what == "full-disk") return ApplyOnAFullDisk(directory);
  return 1;
}

}  // namespace
}  // namespace turnout::manager

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--child") {
    return turnout::manager::RunChild(argv[2], argv[3]);
  }
  turnout::support::KeepInMemory();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

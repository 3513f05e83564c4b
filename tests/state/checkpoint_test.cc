#include "state/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/directory_checkpoint_store.h"
#include "state/files.h"
#include "tests/state/state_batches.h"
#include "tests/support/memory_state.h"
#include "tests/support/temp_directory.h"

namespace turnout::state {
namespace {

using ::testing::Contains;
using ::testing::StartsWith;

constexpr StateLimits kSmall{.memory_bytes_max = 8 << 20,
                             .memtable_bytes_max = 2 << 20,
                             .task_memtable_bytes_max = 64 << 10};
constexpr char kTask[] = "orders/3";
constexpr uint64_t kSeed = 21;

// Another store, with something that happens before, or instead of, each of its calls.
class HookedStore : public CheckpointStore {
 public:
  using Hook = std::function<absl::Status(std::string_view call)>;
  HookedStore(CheckpointStore* store, Hook hook) : store_(store), hook_(std::move(hook)) {}

  absl::StatusOr<std::vector<StoredObject>> List(std::string_view prefix) override {
    if (absl::Status status = hook_("list"); !status.ok()) return status;
    return store_->List(prefix);
  }
  absl::Status Put(std::string_view name, const std::string& path) override {
    const absl::Status status = hook_("put");
    return status.ok() ? store_->Put(name, path) : status;
  }
  absl::StatusOr<bool> PutIfAbsent(std::string_view name, std::string_view bytes) override {
    if (absl::Status status = hook_("publish"); !status.ok()) return status;
    return store_->PutIfAbsent(name, bytes);
  }
  absl::StatusOr<FileDigest> Get(std::string_view name, const std::string& path) override {
    if (absl::Status status = hook_("get"); !status.ok()) return status;
    return store_->Get(name, path);
  }
  absl::StatusOr<FileDigest> Digest(std::string_view name) override {
    if (absl::Status status = hook_("digest"); !status.ok()) return status;
    return store_->Digest(name);
  }
  absl::StatusOr<std::string> Read(std::string_view name, size_t bytes_max) override {
    if (absl::Status status = hook_("read"); !status.ok()) return status;
    return store_->Read(name, bytes_max);
  }
  absl::Status Remove(std::string_view name) override {
    const absl::Status status = hook_("remove");
    return status.ok() ? store_->Remove(name) : status;
  }

 private:
  CheckpointStore* const store_;
  const Hook hook_;
};

// Another store that notes what is fetched.
class NamedStore : public HookedStore {
 public:
  NamedStore(CheckpointStore* store, std::set<std::string>* fetched)
      : HookedStore(store, [](std::string_view) { return absl::OkStatus(); }), fetched_(fetched) {}
  absl::StatusOr<FileDigest> Get(std::string_view name, const std::string& path) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      fetched_->insert(std::string(name));
    }
    return HookedStore::Get(name, path);
  }

 private:
  std::mutex mutex_;
  std::set<std::string>* const fetched_;
};

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() : store_(TaskStore::Create(At("store"), &resources_, 0).value()) {}

  std::string At(const std::string& name) const { return directory_.path() + "/" + name; }

  void Advance(int64_t batches) {
    for (; batches > 0; --batches) {
      const int64_t offset = store_->point().applied_offset;
      ASSERT_TRUE(ApplyBatch(*store_, kSeed, offset).ok());
      ASSERT_TRUE(store_->Commit(offset + 1, "rules").ok());
    }
  }

  CheckpointManifest Take(int64_t created_at_ms = 0) {
    auto manifest = checkpoints_.Take(store_.get(), created_at_ms);
    EXPECT_TRUE(manifest.ok()) << manifest.status();
    return manifest.value_or(CheckpointManifest());
  }

  std::string DumpOf(const std::string& directory) {
    auto store = TaskStore::Open(directory, &resources_);
    return store.ok() ? support::Dump(**store, kSteps) : store.status().ToString();
  }

  // What the state must be at that offset.
  static std::string DumpAt(int64_t applied_offset) {
    support::MemoryState model(0);
    for (int64_t offset = 0; offset < applied_offset; ++offset) {
      EXPECT_TRUE(ApplyBatch(model, kSeed, offset).ok());
      EXPECT_TRUE(model.Commit(offset + 1, "rules").ok());
    }
    return support::Dump(model, kSteps);
  }

  std::vector<std::string> Objects() {
    std::vector<std::string> names;
    const std::vector<StoredObject> objects = objects_.List("").value();
    for (const StoredObject& object : objects) names.push_back(object.name);
    return names;
  }

  // That the restore of checkpoint 1 fails by this name and leaves nothing that could be opened.
  void ExpectFault(std::string_view fault, const std::string& what) {
    const auto restored = checkpoints_.Restore(1, At("restored"));
    EXPECT_EQ(restored.status().code(), absl::StatusCode::kDataLoss) << what;
    EXPECT_THAT(std::string(restored.status().message()), StartsWith(std::string(fault))) << what;
    EXPECT_FALSE(Exists(At("restored"))) << what;
  }

  support::TempDirectory directory_;
  StateResources resources_{kSmall};
  std::unique_ptr<TaskStore> store_;
  DirectoryCheckpointStore objects_{At("objects")};
  TaskCheckpoints checkpoints_{&objects_, kTask, At("scratch")};
};

TEST_F(CheckpointTest, RestoresTheStateOfItsOffset) {
  Advance(200);
  const CheckpointManifest first = Take(1000);
  EXPECT_EQ(first.sequence, 1);
  EXPECT_EQ(first.point.applied_offset, 200);
  EXPECT_EQ(first.point.rule_set, "rules");
  Advance(150);
  EXPECT_EQ(Take(2000).sequence, 2);
  Advance(10);
  EXPECT_FALSE(Exists(At("scratch")));

  const auto listed = checkpoints_.List();
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ((*listed)[0].manifest.value(), first);
  EXPECT_EQ((*listed)[1].manifest->created_at_ms, 2000);

  for (const auto& [sequence, offset] : {std::pair(1, 200), {2, 350}}) {
    const auto restored = checkpoints_.Restore(sequence, At("restored"));
    ASSERT_TRUE(restored.ok()) << restored.status();
    EXPECT_EQ(DumpOf(At("restored")), DumpAt(offset));
  }
}

TEST_F(CheckpointTest, SendsOnlyWhatIsNew) {
  for (int i = 0; i < 5000; ++i) store_->Put(9, absl::StrCat(i), absl::StrCat(i), kNeverExpires);
  ASSERT_TRUE(store_->Commit(1, "rules").ok());
  Take();
  const CheckpointCost all = checkpoints_.last_cost();
  EXPECT_EQ(all.bytes_sent, all.bytes);
  store_->Put(9, "one more", "x", kNeverExpires);
  ASSERT_TRUE(store_->Commit(2, "rules").ok());
  Take();
  EXPECT_LT(checkpoints_.last_cost().bytes_sent, all.bytes / 10);
  EXPECT_GT(checkpoints_.last_cost().bytes, all.bytes);

  // Another process, which has no digests at hand, sends nothing again either.
  TaskCheckpoints others(&objects_, kTask, At("others_scratch"));
  ASSERT_TRUE(others.Take(store_.get(), 0).ok());
  EXPECT_LT(others.last_cost().bytes_sent, all.bytes / 10);
}

TEST_F(CheckpointTest, EachDamageHasItsNameAndNoneIsRestored) {
  Advance(3);
  const CheckpointManifest manifest = Take();
  const std::string manifest_path = At("objects/orders/3/manifests/0000000000000000001");
  for (const std::string& name : Objects()) {
    const std::string path = At("objects/" + name);
    const bool is_manifest = path == manifest_path;
    const std::string sound = ReadFile(path, 1 << 20).value();

    std::filesystem::remove(path);
    ExpectFault(is_manifest ? kManifestMissing : kFileMissing, "removed: " + name);
    for (size_t bytes = 0; bytes < sound.size(); bytes += 1 + sound.size() / 17) {
      ASSERT_TRUE(WriteFile(path, sound.substr(0, bytes)).ok());
      ExpectFault(is_manifest ? kManifestDamaged : kFileCut, absl::StrCat(bytes, " of ", name));
    }
    ASSERT_TRUE(WriteFile(path, sound + "x").ok());
    ExpectFault(is_manifest ? kManifestDamaged : kFileCut, "longer: " + name);
    for (size_t at = 0; at < sound.size(); ++at) {
      std::string flipped = sound;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
      ASSERT_TRUE(WriteFile(path, flipped).ok());
      ExpectFault(is_manifest ? kManifestDamaged : kFileDamaged, absl::StrCat("at ", at, name));
    }
    ASSERT_TRUE(WriteFile(path, sound).ok());
  }
  ASSERT_TRUE(checkpoints_.Restore(1, At("restored")).ok());
  EXPECT_EQ(DumpOf(At("restored")), DumpAt(3));
}

TEST_F(CheckpointTest, AManifestThatLiesIsFoundOut) {
  Advance(3);
  const CheckpointManifest sound = Take();
  const std::string path = At("objects/orders/3/manifests/0000000000000000001");
  CheckpointManifest lies = sound;
  lies.point.applied_offset = 2;
  ASSERT_TRUE(WriteFile(path, EncodeManifest(lies)).ok());
  ExpectFault(kPointDiffers, "another offset");
  for (const CheckpointFile& file : sound.files) {
    lies = sound;
    std::erase(lies.files, file);
    ASSERT_TRUE(WriteFile(path, EncodeManifest(lies)).ok());
    ExpectFault(kNotOpening, "without " + file.name);
  }
  lies = sound;
  lies.sequence = 2;
  ASSERT_TRUE(WriteFile(path, EncodeManifest(lies)).ok());
  ExpectFault(kManifestDamaged, "another sequence");
}

// What is there already is not fetched again, and nothing else is taken for it.
TEST_F(CheckpointTest, ARestoreTakesTablesOfTheStoreThatItReplaces) {
  for (int i = 0; i < 4; ++i) {
    Advance(25);
    ASSERT_TRUE(store_->Flush().ok());
  }
  Take();
  ASSERT_TRUE(checkpoints_.Restore(1, At("restored")).ok());
  Advance(50);
  const CheckpointManifest newest = Take();
  std::set<std::string> local;
  for (const auto& file : std::filesystem::directory_iterator(At("restored"))) {
    if (file.path().extension() == ".sst") local.insert(file.path().filename());
  }
  ASSERT_GE(local.size(), 4u);
  const std::string spoiled = At("restored/") + *local.begin();
  std::string bytes = ReadFile(spoiled, 1 << 20).value();
  bytes[bytes.size() / 2] ^= 1;
  std::filesystem::remove(spoiled);  // it may be the name of others' file too
  ASSERT_TRUE(WriteFile(spoiled, bytes).ok());

  std::set<std::string> fetched;
  NamedStore store(&objects_, &fetched);
  TaskCheckpoints heir(&store, kTask, At("heirs_scratch"), /*transfers_max=*/4);
  ASSERT_TRUE(heir.Restore(2, At("restored")).ok());
  EXPECT_EQ(DumpOf(At("restored")), DumpAt(150));
  for (const CheckpointFile& file : newest.files) {
    const bool is_there = local.contains(file.name) && file.name != *local.begin();
    EXPECT_EQ(fetched.contains(absl::StrCat(kTask, "/files/", file.sha256)), !is_there)
        << file.name;
  }
}

TEST_F(CheckpointTest, ARestoredStoreSharesNoFileWithItsCheckpoint) {
  Advance(20);
  const CheckpointManifest manifest = Take();
  ASSERT_TRUE(checkpoints_.Restore(1, At("restored")).ok());
  for (const CheckpointFile& file : manifest.files) {
    EXPECT_EQ(std::filesystem::hard_link_count(At("restored/" + file.name)), 1u) << file.name;
  }
}

// By the manifest it knows their digests: what is spoiled since is not sent in their place.
TEST_F(CheckpointTest, ARestoredStoreSendsNothingAgain) {
  for (int i = 0; i < 5000; ++i) store_->Put(9, absl::StrCat(i), absl::StrCat(i), kNeverExpires);
  ASSERT_TRUE(store_->Commit(1, "rules").ok());
  Take();
  TaskCheckpoints heir(&objects_, kTask, At("heirs_scratch"));
  const auto restored = heir.Restore(1, At("restored"));
  ASSERT_TRUE(restored.ok()) << restored.status();
  auto store = TaskStore::Open(At("restored"), &resources_);
  ASSERT_TRUE(store.ok()) << store.status();
  for (const CheckpointFile& file : restored->files) {
    if (!file.name.ends_with(".sst") || file.bytes < 10'000) continue;  // to the entries alone
    std::string bytes = ReadFile(At("restored/" + file.name), 1 << 20).value();
    bytes[bytes.size() / 2] ^= 1;
    ASSERT_TRUE(WriteFile(At("restored/" + file.name), bytes).ok());
  }
  const auto taken = heir.Take(store->get(), 0);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_LT(heir.last_cost().bytes_sent, heir.last_cost().bytes / 10);
  const auto again = checkpoints_.Restore(2, At("again"));
  ASSERT_TRUE(again.ok()) << again.status();
  for (const CheckpointFile& file : restored->files) {
    if (file.name.ends_with(".sst")) {
      EXPECT_THAT(again->files, Contains(file));
    }
  }
}

TEST_F(CheckpointTest, ManyFilesTravelAtATime) {
  for (int i = 0; i < 6; ++i) {
    Advance(20);
    ASSERT_TRUE(store_->Flush().ok());
  }
  TaskCheckpoints many(&objects_, kTask, At("scratch"), /*transfers_max=*/4);
  const auto taken = many.Take(store_.get(), 0);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_GT(taken->files.size(), 6u);
  ASSERT_TRUE(many.Restore(1, At("restored")).ok());
  EXPECT_EQ(DumpOf(At("restored")), DumpAt(120));
  std::filesystem::remove(At("objects/") + Objects().back());
  std::filesystem::remove(At("objects/") + Objects().front());
  EXPECT_TRUE(absl::IsDataLoss(many.Restore(1, At("restored")).status()));
}

TEST_F(CheckpointTest, ARestoreTellsHowFarItIs) {
  for (int i = 0; i < 3; ++i) {
    Advance(20);
    ASSERT_TRUE(store_->Flush().ok());
  }
  uint64_t bytes = 0;
  for (const auto& file : Take().files) bytes += file.bytes;
  const TaskCheckpoints* asked = nullptr;
  std::vector<RestoreProgress> told;
  HookedStore store(&objects_, [&](std::string_view call) {
    if (call == "get") told.push_back(asked->restoring());
    return absl::OkStatus();
  });
  TaskCheckpoints checkpoints(&store, kTask, At("scratch"));
  asked = &checkpoints;
  EXPECT_EQ(checkpoints.restoring().bytes, 0u);
  ASSERT_TRUE(checkpoints.Restore(1, At("restored")).ok());
  ASSERT_GT(told.size(), 3u);
  for (const RestoreProgress& progress : told) EXPECT_EQ(progress.bytes, bytes);
  EXPECT_EQ(told.front().bytes_done, 0u);
  EXPECT_GT(told.back().bytes_done, told[1].bytes_done);
  EXPECT_LT(told.back().bytes_done, bytes) << "the last one is not there yet";
  EXPECT_EQ(checkpoints.restoring().bytes, 0u);
}

// Nobody would know it from a sound one later: it would be fetched just as it was sent.
TEST_F(CheckpointTest, ATableThatIsDamagedBeforeItIsSentIsNotSent) {
  Advance(40);
  ASSERT_TRUE(store_->Flush().ok());
  std::string table;
  for (const auto& file : std::filesystem::directory_iterator(At("store"))) {
    const bool is_larger = table.empty() || file.file_size() > std::filesystem::file_size(table);
    if (file.path().extension() == ".sst" && is_larger) table = file.path();
  }
  const std::string sound = ReadFile(table, 1 << 20).value();
  for (size_t at = 0; at < sound.size() * 9 / 10; at += sound.size() / 13) {
    std::string damaged = sound;
    damaged[at] ^= 1;
    ASSERT_TRUE(WriteFile(table, damaged).ok());
    TaskCheckpoints checkpoints(&objects_, kTask, At("scratch"));
    EXPECT_TRUE(absl::IsDataLoss(checkpoints.Take(store_.get(), 0).status())) << at;
    EXPECT_TRUE(checkpoints_.List()->empty()) << at;
    EXPECT_TRUE(Objects().empty()) << at;
  }
  ASSERT_TRUE(WriteFile(table, sound).ok());
  EXPECT_EQ(Take().sequence, 1);
}

TEST_F(CheckpointTest, ADamagedRestoreLeavesWhatWasThere) {
  Advance(3);
  const CheckpointManifest manifest = Take();
  ASSERT_TRUE(checkpoints_.Restore(1, At("restored")).ok());
  const auto is_current = [](const CheckpointFile& file) { return file.name == "CURRENT"; };
  const auto current = std::find_if(manifest.files.begin(), manifest.files.end(), is_current);
  ASSERT_NE(current, manifest.files.end());
  std::filesystem::remove(At(absl::StrCat("objects/", kTask, "/files/", current->sha256)));
  EXPECT_FALSE(checkpoints_.Restore(1, At("restored")).ok());
  EXPECT_EQ(DumpOf(At("restored")), DumpAt(3));
}

// Whatever call fails, there is a checkpoint in full or none, and the next one succeeds.
TEST_F(CheckpointTest, AFailureOfAnyCallPublishesNothingByHalves) {
  int64_t published = 0;
  for (int failing = 0;; ++failing) {
    Advance(5);
    int calls = 0;
    HookedStore store(&objects_, [&](std::string_view) {
      return calls++ == failing ? absl::UnavailableError("away") : absl::OkStatus();
    });
    TaskCheckpoints checkpoints(&store, kTask, At("scratch"));
    const auto taken = checkpoints.Take(store_.get(), 0);
    const auto listed = checkpoints_.List().value();
    for (const ListedCheckpoint& one : listed) {
      ASSERT_TRUE(one.manifest.ok()) << one.manifest.status();
    }
    if (static_cast<int64_t>(listed.size()) > published) {
      published = static_cast<int64_t>(listed.size());
      const auto restored = checkpoints_.Restore(published, At("restored"));
      ASSERT_TRUE(restored.ok()) << restored.status();
      ASSERT_EQ(DumpOf(At("restored")), DumpAt(store_->point().applied_offset));
    }
    if (calls <= failing) {
      ASSERT_TRUE(taken.ok()) << taken.status();
      EXPECT_GT(failing, 6);
      return;
    }
    ASSERT_TRUE(absl::IsUnavailable(taken.status())) << failing << taken.status();
  }
}

TEST_F(CheckpointTest, TwoOwnersCannotPublishTheSameOne) {
  Advance(5);
  bool is_first = true;
  HookedStore store(&objects_, [&](std::string_view call) {
    if (call == "publish" && std::exchange(is_first, false)) Take();
    return absl::OkStatus();
  });
  TaskCheckpoints other(&store, kTask, At("others_scratch"));
  EXPECT_TRUE(absl::IsAborted(other.Take(store_.get(), 0).status()));
  EXPECT_EQ(checkpoints_.List()->size(), 1u);
  EXPECT_EQ(other.Take(store_.get(), 0).value().sequence, 2);
}

TEST_F(CheckpointTest, IsTakenBackIfItsFilesWerePrunedMeanwhile) {
  Advance(5);
  bool is_first = true;
  HookedStore store(&objects_, [&](std::string_view call) {
    if (call != "publish" || !std::exchange(is_first, false)) return absl::OkStatus();
    return objects_.Remove(Objects().front());
  });
  TaskCheckpoints other(&store, kTask, At("others_scratch"));
  EXPECT_TRUE(absl::IsAborted(other.Take(store_.get(), 0).status()));
  EXPECT_TRUE(checkpoints_.List()->empty());
  ASSERT_TRUE(other.Take(store_.get(), 0).ok());
  EXPECT_TRUE(checkpoints_.Restore(1, At("restored")).ok());
}

TEST_F(CheckpointTest, AStoreThatGivesBackOtherBytesIsNotTrusted) {
  Advance(5);
  HookedStore store(&objects_, [&](std::string_view call) {
    if (call != "digest") return absl::OkStatus();
    for (const std::string& name : Objects()) {
      EXPECT_TRUE(WriteFile(At("objects/" + name), "other bytes").ok());
    }
    return absl::OkStatus();
  });
  TaskCheckpoints other(&store, kTask, At("others_scratch"));
  EXPECT_TRUE(absl::IsUnavailable(other.Take(store_.get(), 0).status()));
  EXPECT_TRUE(Objects().empty());
}

TEST_F(CheckpointTest, PrunesByCountAndAgeAndSharedFilesStay) {
  constexpr int64_t kDayMs = 24 * 3600 * 1000;
  for (int day = 1; day <= 6; ++day) {
    Advance(20);
    Take(day * kDayMs);
  }
  const auto sequences = [&] {
    std::string text;
    const std::vector<ListedCheckpoint> listed = checkpoints_.List().value();
    for (const ListedCheckpoint& one : listed) {
      absl::StrAppend(&text, one.sequence, " ");
    }
    return text;
  };
  const int64_t never_ms = int64_t{1} << 50;
  PrunePolicy policy{.count_min = 2,
                     .count_max = 5,
                     .age_ms_max = 100 * kDayMs,
                     .unreferenced_age_ms_max = never_ms};
  EXPECT_EQ(checkpoints_.Prune(policy, 6 * kDayMs)->checkpoints_removed, 1u);
  EXPECT_EQ(sequences(), "2 3 4 5 6 ");
  policy.age_ms_max = 3 * kDayMs;
  EXPECT_EQ(checkpoints_.Prune(policy, 7 * kDayMs)->checkpoints_removed, 2u);
  EXPECT_EQ(sequences(), "4 5 6 ");
  EXPECT_EQ(checkpoints_.Prune(policy, 1000 * kDayMs)->checkpoints_removed, 1u);
  EXPECT_EQ(sequences(), "5 6 ");

  // By the clock of the file system, which is today's, all are old enough in the year 2100.
  policy.unreferenced_age_ms_max = 1;
  const auto pruned = checkpoints_.Prune(policy, int64_t{4'102'444'800'000});
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_GT(pruned->objects_removed, 0u);
  ASSERT_TRUE(checkpoints_.Restore(5, At("restored")).ok());
  EXPECT_EQ(DumpOf(At("restored")), DumpAt(100));
  ASSERT_TRUE(checkpoints_.Restore(6, At("restored")).ok());
  EXPECT_EQ(DumpOf(At("restored")), DumpAt(120));
}

TEST_F(CheckpointTest, ADamagedOneIsNoReasonToLetGoOfAnOlderOne) {
  for (int i = 0; i < 3; ++i) {
    Advance(5);
    Take();
  }
  ASSERT_TRUE(WriteFile(At("objects/orders/3/manifests/0000000000000000003"), "damaged").ok());
  ASSERT_TRUE(checkpoints_
                  .Prune({.count_min = 1, .count_max = 1, .unreferenced_age_ms_max = 0},
                         int64_t{4'102'444'800'000})
                  .ok());
  const auto listed = checkpoints_.List();
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ((*listed)[0].sequence, 2);
  EXPECT_TRUE(absl::IsDataLoss((*listed)[1].manifest.status()));
  ASSERT_TRUE(checkpoints_.Restore(2, At("restored")).ok());
  // The next one does not take the damaged one's number.
  EXPECT_EQ(Take().sequence, 4);
}

TEST_F(CheckpointTest, WhatACrashLeftUnfinishedIsNoCheckpointAndIsPruned) {
  Advance(5);
  Take();
  const size_t before = Objects().size();
  directory_.Write("objects/orders/3/manifests/0000000000000000002.Ab12Cd.unfinished", "half");
  directory_.Write("objects/orders/3/files/" + std::string(64, 'a'), "nobody's");
  EXPECT_EQ(checkpoints_.List()->size(), 1u);
  const auto pruned =
      checkpoints_.Prune({.age_ms_max = int64_t{1} << 50}, int64_t{4'102'444'800'000});
  EXPECT_EQ(pruned->objects_removed, 2u);
  EXPECT_EQ(Objects().size(), before);
}

// Written by the first version of each format, from the batches of state_batches.h; see
// checkpoints.md.
TEST_F(CheckpointTest, CheckpointsOfEarlierFormatsAreStillRead) {
  for (const auto& [format, timeline] : {std::pair(1, ""), {2, "5d0e6f1a2b3c4d5e"}}) {
    DirectoryCheckpointStore kept(
        absl::StrCat(TURNOUT_SOURCE_DIR "/tests/state/data/checkpoint_", format));
    TaskCheckpoints checkpoints(&kept, kTask, At("scratch"));
    const auto restored = checkpoints.Restore(1, At("restored"));
    ASSERT_TRUE(restored.ok()) << restored.status();
    EXPECT_EQ(restored->created_at_ms, 1'795'600'000'000);
    EXPECT_EQ(restored->point.applied_offset, 60);
    EXPECT_EQ(restored->point.timeline, timeline);
    EXPECT_EQ(DumpOf(At("restored")), DumpAt(60));
  }
}

}  // namespace
}  // namespace turnout::state

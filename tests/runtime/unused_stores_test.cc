#include "runtime/unused_stores.h"

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/directory_checkpoint_store.h"
#include "state/task_store.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using testing::ElementsAre;

constexpr absl::Duration kUnusedFor = absl::Minutes(10);

class UnusedStoresTest : public testing::Test {
 protected:
  std::string PathOf(int partition) const {
    return absl::StrCat(directory_.path(), "/tasks/", partition);
  }

  // A store of partition 3 at that offset, closed.
  void MakeStore(const std::string& timeline, int64_t offset) {
    std::filesystem::create_directories(directory_.path() + "/tasks");
    ASSERT_TRUE(MakeAt(PathOf(3), timeline, offset).ok());
  }

  // As another owner did, who had a store of its own.
  void MakeCheckpoint(const std::string& timeline, int64_t offset, absl::Time at) {
    const auto store = MakeAt(directory_.path() + "/other", timeline, offset);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(checkpoints_.Take(store->get(), absl::ToUnixMillis(at)).ok());
  }

  bool IsRemoved() {
    const absl::StatusOr<bool> removed = stores_.RemoveIfKept(3, checkpoints_);
    EXPECT_TRUE(removed.ok()) << removed.status();
    EXPECT_EQ(removed.value_or(false), !std::filesystem::exists(PathOf(3)));
    return removed.value_or(false);
  }

  support::TempDirectory directory_;
  state::StateResources resources_{state::StateLimits()};
  state::DirectoryCheckpointStore kept_{directory_.path() + "/checkpoints"};
  state::TaskCheckpoints checkpoints_{&kept_, "group/events/3", directory_.path() + "/scratch"};
  UnusedStores stores_{directory_.path() + "/tasks", kUnusedFor};

 private:
  absl::StatusOr<std::unique_ptr<state::TaskStore>> MakeAt(const std::string& path,
                                                           const std::string& timeline,
                                                           int64_t offset) {
    auto store = state::TaskStore::Create(path, &resources_, 0, timeline);
    if (!store.ok()) return store;
    if (absl::Status committed = (*store)->Commit(offset, "r"); !committed.ok()) return committed;
    return store;
  }
};

TEST_F(UnusedStoresTest, OneThatACheckpointOfItsTimelineHasGoes) {
  MakeStore("a", 50);
  EXPECT_FALSE(IsRemoved()) << "no checkpoint has it";
  MakeCheckpoint("a", 49, absl::Now());
  EXPECT_FALSE(IsRemoved()) << "the checkpoint lacks the last offset";
  MakeCheckpoint("a", 50, absl::Now());
  EXPECT_TRUE(IsRemoved());
}

TEST_F(UnusedStoresTest, OneThatIsAheadOfItsTimelinesCheckpointsGoesOnceSomebodyIsBeyondIt) {
  MakeStore("a", 50);
  MakeCheckpoint("a", 40, absl::Now());
  MakeCheckpoint("b", 60, absl::Now());
  EXPECT_FALSE(IsRemoved()) << "it may have been made before the store was written";
  MakeCheckpoint("b", 49, absl::Now() + 2 * kUnusedFor);
  EXPECT_FALSE(IsRemoved()) << "nobody has come as far";
  MakeCheckpoint("b", 50, absl::Now() + 2 * kUnusedFor);
  EXPECT_TRUE(IsRemoved());
}

TEST_F(UnusedStoresTest, WhatAKilledRestoreLeftGoesWhateverElseIsThere) {
  MakeStore("a", 50);
  for (const int partition : {3, 5}) {
    std::filesystem::create_directories(PathOf(partition) + ".unfinished/half");
  }
  std::filesystem::create_directories(directory_.path() + "/tasks/none-of-ours.unfinished");
  EXPECT_THAT(stores_.Present(), ElementsAre(3, 5));
  EXPECT_FALSE(IsRemoved());
  const absl::StatusOr<bool> removed = stores_.RemoveIfKept(5, checkpoints_);
  EXPECT_TRUE(removed.ok() && !*removed) << "no store was there";
  EXPECT_THAT(stores_.Present(), ElementsAre(3));
  EXPECT_FALSE(std::filesystem::exists(PathOf(3) + ".unfinished"));
}

}  // namespace
}  // namespace turnout::runtime

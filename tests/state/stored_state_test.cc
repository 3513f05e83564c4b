#include "state/stored_state.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "state/state_resources.h"
#include "state/task_store.h"
#include "tests/support/temp_directory.h"

namespace turnout::state {
namespace {

std::string Got(TaskState& state, StepId step, std::string_view key) {
  std::string value;
  const absl::StatusOr<bool> found = state.Get(step, key, &value);
  EXPECT_TRUE(found.ok()) << found.status();
  return found.ok() && *found ? value : "none";
}

std::string Scanned(TaskState& state, StepId step, std::string_view from, std::string_view to) {
  std::string keys;
  EXPECT_TRUE(state
                  .Scan(step, from, to,
                        [&](std::string_view key, std::string_view) {
                          keys.append(key).append(" ");
                          return true;
                        })
                  .ok());
  return keys;
}

TEST(StoredState, AnswersAsTheStoreDidAtItsLastFlush) {
  const support::TempDirectory directory;
  const std::string path = directory.path() + "/store";
  StateResources resources{StateLimits{}};
  auto store = TaskStore::Create(path, &resources, 0);
  ASSERT_TRUE(store.ok()) << store.status();
  (*store)->Put(1, "a", "one", kNeverExpires);
  (*store)->Put(1, "a\1", "behind", kNeverExpires);
  (*store)->Put(1, "b", "gone", 50);
  (*store)->Put(1, "c", "three", 150);
  (*store)->Put(2, "a", "other", kNeverExpires);
  (*store)->AdvanceWatermark(100);
  ASSERT_TRUE((*store)->Commit(7, "rules").ok());
  ASSERT_TRUE((*store)->Flush().ok());
  (*store)->Put(1, "d", "pending", kNeverExpires);

  const auto stored = StoredState::Open(path);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ((*stored)->point(), (*store)->point());
  EXPECT_EQ((*stored)->watermark_ms(), 100);
  EXPECT_EQ(Got(**stored, 1, "a"), "one");
  EXPECT_EQ(Got(**stored, 1, "b"), "none") << "it has expired";
  EXPECT_EQ(Got(**stored, 1, "d"), "none") << "it was not committed";
  EXPECT_EQ(Got(**stored, 3, "a"), "none");
  EXPECT_EQ(Scanned(**stored, 1, "", ""), Scanned(**store, 1, "", "d"));
  EXPECT_EQ(Scanned(**stored, 1, "a\1", "c"), "a\1 ");
  EXPECT_TRUE(absl::IsFailedPrecondition((*stored)->Commit(8, "rules")));
}

TEST(StoredState, WhereThereIsNoneIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(StoredState::Open("/nonexistent").status()));
}

}  // namespace
}  // namespace turnout::state

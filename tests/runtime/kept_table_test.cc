#include "runtime/kept_table.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/damaged_files.h"
#include "tests/support/scripted_table.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using ::testing::HasSubstr;

class TestClock : public Clock {
 public:
  absl::Time Now() override { return absl::FromUnixSeconds(1'000); }
  void Sleep(absl::Duration) override {}
};

class KeptTableTest : public ::testing::Test {
 protected:
  void Open() {
    table_.reset();
    auto store = state::TableStore::Open(directory_.path() + "/table", "catalog", &resources_);
    ASSERT_TRUE(store.ok()) << store.status();
    auto source = std::make_unique<support::ScriptedTable>(&topic_, (*store)->offsets());
    table_ = std::make_unique<KeptTable>("merchants", "catalog", bytes_max_, *std::move(store),
                                         std::move(source), &clock_);
  }
  void Turn(int turns) {
    for (int i = 0; i < turns; ++i) ASSERT_TRUE(table_->Turn(absl::ZeroDuration()).ok());
  }
  void Wait(absl::Duration duration, absl::Duration deletions_kept_for) {
    now_ += duration;
    topic_.SetLook(now_, deletions_kept_for);
  }
  std::string Find(std::string_view key) {
    std::string value;
    const absl::StatusOr<bool> found = table_->Find(key, &value);
    if (!found.ok()) return std::string(absl::StatusCodeToString(found.status().code()));
    return *found ? value : "(none)";
  }

  // A loaded table of many keys, all of value 1, whose file on disk is damaged since.
  static constexpr int kManyKeys = 2'000;
  void OpenDamaged() {
    for (int i = 0; i < kManyKeys; ++i) topic_.Put(std::to_string(i), "1");
    Open();
    Turn(kManyKeys / 2);
    table_.reset();  // it flushes
    ASSERT_GT(support::DamageTableFiles(directory_.path() + "/table"), 0);
    Open();
    Turn(1);
  }
  int CountAnswers(std::string_view answer) {
    int count = 0;
    for (int i = 0; i < kManyKeys; ++i) count += Find(std::to_string(i)) == answer;
    return count;
  }

  support::TempDirectory directory_;
  state::StateResources resources_{{}};
  uint64_t bytes_max_ = UINT64_MAX;
  absl::Time now_ = absl::FromUnixSeconds(1'000);
  support::ScriptedTopic topic_;
  TestClock clock_;
  std::unique_ptr<KeptTable> table_;
};

TEST_F(KeptTableTest, NobodyIsAnsweredBeforeItIsLoaded) {
  for (const char* key : {"a", "b", "c"}) topic_.Put(key, "1");
  Open();
  EXPECT_EQ(Find("a"), "UNAVAILABLE");
  Turn(1);
  EXPECT_EQ(Find("a"), "UNAVAILABLE") << "one of three is still to come";
  EXPECT_FALSE(table_->status().loaded);
  Turn(1);
  EXPECT_EQ(Find("a"), "1");
  EXPECT_EQ(Find("x"), "(none)");
  EXPECT_TRUE(table_->status().loaded);
  EXPECT_EQ(table_->status().records, 3u);
}

TEST_F(KeptTableTest, ChangesAndTombstonesAreSeenLive) {
  topic_.Put("a", R"({"v": 1})");
  Open();
  Turn(1);
  topic_.Put("a", R"({"v": 2})");
  topic_.Put("b", "plain text");
  Turn(1);
  EXPECT_EQ(Find("a"), R"({"v": 2})");
  EXPECT_EQ(Find("b"), R"("plain text")");
  topic_.Delete("a");
  Turn(1);
  EXPECT_EQ(Find("a"), "(none)");
  EXPECT_EQ(table_->status().last_change, absl::FromUnixSeconds(1'000));
}

TEST_F(KeptTableTest, RecordsThatAreNoTablesAreSkippedAndCounted) {
  topic_.Put("a", "1");
  topic_.Put("b", "2");
  topic_.Put("c", "3");
  topic_.Add({.value = "no key", .null_key = true});
  topic_.Put("a", "\xff\xfe");
  topic_.Put("b", std::string(state::kTableValueBytesMax + 1, 'x'));
  Open();
  Turn(3);
  EXPECT_EQ(Find("a"), "(none)") << "neither JSON nor text";
  EXPECT_EQ(Find("b"), "(none)") << "too large";
  EXPECT_EQ(Find("c"), "3");
  EXPECT_EQ(table_->status().records, 6u);
  EXPECT_EQ(table_->status().skipped, 3u);
}

TEST_F(KeptTableTest, ARestartReadsOnlyWhatIsNew) {
  for (int i = 0; i < 10; ++i) topic_.Put(std::to_string(i), "old");
  Open();
  Turn(5);
  topic_.Put("3", "new");
  Open();
  EXPECT_EQ(Find("3"), "UNAVAILABLE");
  Turn(1);
  EXPECT_EQ(Find("3"), R"("new")");
  EXPECT_EQ(Find("4"), R"("old")");
  EXPECT_EQ(table_->status().records, 1u);
}

TEST_F(KeptTableTest, ATopicMadeAnewEmptiesTheTableAndLoadsItAgain) {
  for (const char* key : {"a", "b", "c"}) topic_.Put(key, "1");
  Open();
  Turn(2);
  topic_.MakeAnew();
  for (const char* key : {"x", "y", "z"}) topic_.Put(key, "2");
  Turn(1);
  EXPECT_EQ(Find("a"), "UNAVAILABLE");
  Turn(1);
  EXPECT_EQ(Find("a"), "(none)");
  EXPECT_EQ(Find("z"), "2");
}

// A key was deleted while the router was away, and the topic has forgotten that by now.
TEST_F(KeptTableTest, ATableThatWasLeftForLongerThanDeletionsAreKeptIsReadAnew) {
  struct Case {
    absl::Duration away;
    bool is_anew;
  };
  for (const Case& one : {Case{absl::Hours(21), false}, Case{absl::Hours(22), true},
                          Case{absl::Hours(24 * 30), true}}) {
    topic_.MakeAnew();
    Wait(absl::Hours(1), absl::Hours(24));
    topic_.Put("gone", "1");
    topic_.Put("stays", "1");
    Open();
    Turn(3);
    ASSERT_EQ(Find("gone"), "1");
    topic_.Delete("gone");
    Wait(one.away, absl::Hours(24));
    if (one.is_anew) topic_.Compact();
    Open();
    Turn(3);
    EXPECT_EQ(Find("gone"), "(none)") << one.away;
    EXPECT_EQ(Find("stays"), "1") << one.away;
    EXPECT_EQ(table_->status().anew, one.is_anew ? 1u : 0u) << one.away;
  }
}

TEST_F(KeptTableTest, WhatIsFollowedStaysCompleteThoughNothingChanges) {
  topic_.Put("a", "1");
  Open();
  Turn(1);
  for (int i = 0; i < 10; ++i) {
    Wait(absl::Minutes(30), absl::Hours(1));
    Turn(1);
  }
  EXPECT_EQ(table_->status().anew, 0u);
  Wait(absl::Minutes(30), absl::Hours(1));
  Open();
  Turn(1);
  EXPECT_EQ(table_->status().anew, 0u) << "it was followed until half an hour ago";
  EXPECT_EQ(Find("a"), "1");
}

TEST_F(KeptTableTest, ALiveTableThatLagsForLongerThanDeletionsAreKeptIsReadAnew) {
  topic_.Put("gone", "1");
  Open();
  Turn(1);
  ASSERT_EQ(Find("gone"), "1");
  topic_.Delete("gone");
  topic_.Compact();
  Wait(absl::Hours(2), absl::Hours(1));
  Turn(2);
  EXPECT_EQ(Find("gone"), "(none)");
  EXPECT_EQ(table_->status().anew, 1u);
}

TEST_F(KeptTableTest, AFirstLoadIsNotBegunAgainForTakingLong) {
  for (int i = 0; i < 20; ++i) topic_.Put(std::to_string(i), "1");
  Open();
  for (int i = 0; i < 10; ++i) {
    Wait(absl::Hours(1), absl::Hours(2));
    Turn(1);
  }
  EXPECT_TRUE(table_->status().loaded);
  EXPECT_EQ(table_->status().anew, 0u);
}

TEST_F(KeptTableTest, ATableWithADamagedFileIsReadAnew) {
  OpenDamaged();
  ASSERT_TRUE(table_->status().loaded) << "nobody has looked into the file yet";
  ASSERT_GT(CountAnswers("DATA_LOSS"), 0);
  Turn(1);
  EXPECT_EQ(CountAnswers("UNAVAILABLE"), kManyKeys);
  EXPECT_FALSE(table_->status().loaded);
  Turn(kManyKeys / 2);
  EXPECT_TRUE(table_->status().loaded);
  EXPECT_EQ(table_->status().anew, 1u);
  EXPECT_EQ(CountAnswers("1"), kManyKeys);
}

TEST_F(KeptTableTest, ADamagedTableAnswersNobodyWhileItsTopicIsAway) {
  OpenDamaged();
  ASSERT_GT(CountAnswers("DATA_LOSS"), 0);
  topic_.Fail(absl::UnavailableError("no broker answers"));
  EXPECT_FALSE(table_->Turn(absl::ZeroDuration()).ok());
  EXPECT_FALSE(table_->status().loaded);
  topic_.Fail(absl::OkStatus());
  Turn(kManyKeys / 2);
  EXPECT_EQ(CountAnswers("1"), kManyKeys);
}

TEST_F(KeptTableTest, ATableThatTakesMoreThanItMayIsRefusedAndGivesTheDiskBack) {
  for (int i = 0; i < 100; ++i) topic_.Put(std::to_string(i), "1");
  Open();
  Turn(50);
  bytes_max_ = 100;  // its file, which closing it writes, has more
  Open();
  for (int turn = 0; turn < 3; ++turn) {
    const absl::Status refused = table_->Turn(absl::ZeroDuration());
    EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  }
  EXPECT_EQ(Find("7"), "UNAVAILABLE");
  const TableStatus status = table_->status();
  EXPECT_TRUE(status.refused);
  EXPECT_FALSE(status.loaded);
  EXPECT_THAT(status.problem, HasSubstr("limits.table_bytes_max"));
  EXPECT_EQ(status.disk_bytes, 0u);
  bytes_max_ = 1 << 20;
  Open();
  Turn(50);
  EXPECT_EQ(Find("7"), "1") << "a start with a larger limit reads it again";
}

TEST_F(KeptTableTest, AProblemIsSaidAndAnswersGoOn) {
  topic_.Put("a", "1");
  Open();
  Turn(1);
  topic_.Fail(absl::UnavailableError("no broker answers"));
  EXPECT_TRUE(absl::IsUnavailable(table_->Turn(absl::ZeroDuration())));
  EXPECT_THAT(table_->status().problem, HasSubstr("no broker"));
  EXPECT_EQ(Find("a"), "1");
  topic_.Fail(absl::OkStatus());
  topic_.Put("a", "2");
  Turn(1);
  EXPECT_EQ(table_->status().problem, "");
  EXPECT_EQ(Find("a"), "2");
}

}  // namespace
}  // namespace turnout::runtime

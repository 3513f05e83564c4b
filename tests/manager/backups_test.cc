#include "deploy/manager/backups.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "state/document_backup.h"
#include "tests/support/memory_checkpoint_store.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

using Names = std::vector<std::string>;

class BackupsTest : public testing::Test {
 protected:
  BackupsTest()
      : store_(ItemStore::Open(directory_.path() + "/items", [] { return int64_t{1}; }).value()) {
    auto kept = std::make_unique<support::MemoryCheckpointStore>();
    kept_ = kept.get();
    backups_ = std::make_unique<Backups>(
        store_.get(), std::move(kept),
        BackupSettings{.to = "there", .every_minutes = 60, .keep = 2}, [this] { return may_; });
  }
  std::string Metrics(absl::Time now) {
    std::string text;
    backups_->AppendMetrics(now, &text);
    return text;
  }

  const absl::Time begin_ = absl::FromUnixSeconds(1'800'000'000);
  support::TempDirectory directory_;
  std::unique_ptr<ItemStore> store_;
  support::MemoryCheckpointStore* kept_;
  bool may_ = true;
  std::unique_ptr<Backups> backups_;
};

TEST_F(BackupsTest, OneIsMadeWhenTheNewestIsOldEnoughAndSoManyAreKept) {
  ASSERT_TRUE(kept_->PutIfAbsent("backups/by-hand/manifest", "somebody's").value());
  for (int minutes = 0; minutes <= 200; minutes += 10) {
    backups_->Step(begin_ + absl::Minutes(minutes));
  }
  const Names names = ListBackups(kept_).value();
  ASSERT_EQ(names.size(), 3u);  // the one by hand, and the newest two
  EXPECT_EQ(TimeOfBackup("2027-01-15t11-00-00z-0"), begin_ + absl::Minutes(180));
  for (const char* name : {"by-hand", "2027-01-15t10-00-00z-0", "2027-01-15t11-00-00z-0"}) {
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
  }
  EXPECT_GT(state::BytesOfDocumentBackup(kept_, "2027-01-15t11-00-00z-0").value(), 0u);
  EXPECT_EQ(state::BytesOfDocumentBackup(kept_, "2027-01-15t08-00-00z-0").value(), 0u);
  const std::string text = Metrics(begin_ + absl::Minutes(190));
  EXPECT_NE(text.find("\nturnout_manager_backups_total 4\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nturnout_manager_backup_age_seconds 600\n"), std::string::npos) << text;
}

TEST_F(BackupsTest, WhatAnotherManagerHasMadeCountsAndAStandbyMakesNone) {
  ASSERT_TRUE(MakeBackup(store_.get(), kept_, begin_).ok());
  backups_->Step(begin_ + absl::Minutes(59));
  EXPECT_EQ(ListBackups(kept_)->size(), 1u);
  may_ = false;
  backups_->Step(begin_ + absl::Minutes(70));
  EXPECT_EQ(ListBackups(kept_)->size(), 1u);
  may_ = true;
  backups_->Step(begin_ + absl::Minutes(70));
  EXPECT_EQ(ListBackups(kept_)->size(), 2u);
}

TEST_F(BackupsTest, TwoInASecondAreTwo) {
  ASSERT_TRUE(MakeBackup(store_.get(), kept_, begin_).ok());
  const auto second = MakeBackup(store_.get(), kept_, begin_);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->name, "2027-01-15t08-00-01z-0");
  EXPECT_EQ(ListBackups(kept_)->size(), 2u);
}

TEST_F(BackupsTest, AFailureIsCountedAndTriedAgainAMinuteLater) {
  // Its name is taken.
  const std::string name = "2027-01-15t08-00-00z-0";
  ASSERT_TRUE(kept_->PutIfAbsent("backups/" + name + "/manifest/x", "").value());
  backups_->Step(begin_);
  EXPECT_NE(Metrics(begin_).find("backup_failures_total 1\n"), std::string::npos);
  backups_->Step(begin_ + absl::Seconds(59));
  EXPECT_EQ(ListBackups(kept_)->size(), 0u);
  backups_->Step(begin_ + absl::Seconds(61));
  EXPECT_EQ(ListBackups(kept_)->size(), 1u);
}

TEST_F(BackupsTest, WhatAnUnfinishedOneHasLeftGoesAfterADay) {
  const std::string left = "backups/2027-01-15t08-00-00z-5/files/ab";
  ASSERT_TRUE(kept_->PutIfAbsent(left, "half").value());
  ASSERT_TRUE(RemoveOldBackups(kept_, 2, begin_ + absl::Hours(23)).ok());
  EXPECT_EQ(state::ListUnfinishedDocumentBackups(kept_).value(), Names{"2027-01-15t08-00-00z-5"});
  ASSERT_TRUE(RemoveOldBackups(kept_, 2, begin_ + absl::Hours(25)).ok());
  EXPECT_TRUE(kept_->List("backups/")->empty());
}

}  // namespace
}  // namespace turnout::manager

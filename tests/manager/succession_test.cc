#include "deploy/manager/succession.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "deploy/manager/change_log.h"
#include "state/directory_checkpoint_store.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

constexpr LeaseTimes kTimes = {.renew_ms = 1'000, .expire_ms = 3'000};

ChangeRequest Putting(std::string text) {
  return {.by = "ada",
          .edits = {{.id = {"checkout", ItemKind::kConfig, "limit"},
                     .content = ItemContent{.text = std::move(text), .type = "string"}}}};
}

// A shared place that can be away.
class AwayStore : public state::DirectoryCheckpointStore {
 public:
  using DirectoryCheckpointStore::DirectoryCheckpointStore;
  absl::StatusOr<bool> PutIfAbsent(std::string_view name, std::string_view bytes) override {
    if (refused.empty() || !name.starts_with(refused)) {
      return DirectoryCheckpointStore::PutIfAbsent(name, bytes);
    }
    return absl::UnavailableError("away");
  }
  std::string refused;  // names that begin so
};

struct Manager {
  Manager(const std::string& directory, const std::string& name)
      : shared(directory + "/shared"), log(&shared) {
    store = ItemStore::Open(
                directory + "/" + name, [] { return int64_t{1}; }, &log)
                .value();
    succession =
        std::make_unique<Succession>(&shared, store.get(), name, kTimes,
                                     Succession::Events{.catch_up =
                                                            [this] {
                                                              ++caught_up;
                                                              return catch_up_fails;
                                                            },
                                                        .stood_down = [this] { ++stood_down; }},
                                     [this] { return now_ms; });
  }
  void StepAt(int64_t at_ms) {
    now_ms = at_ms;
    succession->Step();
  }

  AwayStore shared;
  ChangeLog log;
  std::unique_ptr<ItemStore> store;
  int64_t now_ms = 0;
  int caught_up = 0;
  int stood_down = 0;
  absl::Status catch_up_fails;
  std::unique_ptr<Succession> succession;
};

class SuccessionTest : public testing::Test {
 protected:
  support::TempDirectory directory_;
  Manager a_{directory_.path(), "a"};
  Manager b_{directory_.path(), "b"};
};

TEST_F(SuccessionTest, TheFirstIsActiveAndTheOtherFollowsAndNamesIt) {
  a_.StepAt(0);
  b_.StepAt(0);
  EXPECT_TRUE(a_.succession->is_active());
  EXPECT_FALSE(b_.succession->is_active());
  EXPECT_EQ(b_.succession->active(), "a");
  ASSERT_TRUE(a_.store->Apply(Putting("1"), nullptr).ok());
  b_.StepAt(500);
  EXPECT_EQ(b_.store->newest(), a_.store->newest());
  EXPECT_EQ(a_.succession->takeovers(), 1);
}

TEST_F(SuccessionTest, WhenTheActiveOneIsSilentTheOtherTakesOverWithAllThatItHasMade) {
  a_.StepAt(0);
  b_.StepAt(0);
  ASSERT_TRUE(a_.store->Apply(Putting("1"), nullptr).ok());
  for (int64_t now_ms = 0; now_ms <= 3'000; now_ms += 500) b_.StepAt(now_ms);
  EXPECT_TRUE(b_.succession->is_active());
  EXPECT_GT(b_.caught_up, 0);
  a_.now_ms = 3'000;  // it was paused, and has not stepped
  EXPECT_FALSE(a_.succession->is_active());
  a_.StepAt(3'000);
  EXPECT_EQ(a_.stood_down, 1);
  EXPECT_EQ(a_.succession->active(), "b");
  EXPECT_EQ(a_.store->newest(), b_.store->newest());
}

// It was paused behind every look at the lease, just before it wrote to the log.
TEST_F(SuccessionTest, WhoWasPausedBeforeItWroteMakesNothingOnceAnotherLeads) {
  a_.StepAt(0);
  b_.StepAt(0);
  for (int64_t now_ms = 0; now_ms <= 3'000; now_ms += 500) b_.StepAt(now_ms);
  const int64_t newest = b_.store->newest();
  const absl::StatusOr<Change> late = a_.store->Apply(Putting("late"), nullptr);
  EXPECT_TRUE(absl::IsUnavailable(late.status())) << late.status();
  EXPECT_EQ(b_.log.Newest().value(), newest);
  // Even once it has followed.
  ASSERT_TRUE(a_.store->CatchUp().ok());
  EXPECT_TRUE(absl::IsUnavailable(a_.store->Apply(Putting("late"), nullptr).status()));
  EXPECT_EQ(b_.store->Apply(Putting("in time"), nullptr).value().number, newest + 1);
}

TEST_F(SuccessionTest, WhatGivesItUpInGoodOrderIsFollowedAtOnce) {
  a_.succession->Start();
  while (!a_.succession->is_active()) std::this_thread::yield();
  a_.succession->Stop();
  EXPECT_FALSE(a_.succession->is_active());
  b_.StepAt(0);
  EXPECT_TRUE(b_.succession->is_active());
}

TEST_F(SuccessionTest, AfterTheLogFailedItLeadsAnewAndWhatWasDoubtfulIsThereOnceOrNot) {
  a_.StepAt(0);
  a_.shared.refused = "changes/";
  EXPECT_FALSE(a_.store->Apply(Putting("1"), nullptr).ok());
  EXPECT_FALSE(a_.succession->is_active());
  a_.StepAt(500);
  EXPECT_FALSE(a_.succession->is_active());
  a_.shared.refused.clear();
  a_.StepAt(1'000);
  EXPECT_TRUE(a_.succession->is_active());
  EXPECT_TRUE(a_.store->Apply(Putting("1"), nullptr).ok());
}

TEST_F(SuccessionTest, WhoCannotLeadGivesTheLeaseUpToOneThatCan) {
  a_.catch_up_fails = absl::ResourceExhaustedError("its disk is full");
  int64_t now_ms = 0;
  for (; now_ms < 20'000 && !b_.succession->is_active(); now_ms += 500) {
    a_.StepAt(now_ms);
    b_.StepAt(now_ms);
    EXPECT_FALSE(a_.succession->is_active());
  }
  EXPECT_TRUE(b_.succession->is_active());
  EXPECT_LE(now_ms, 2 * kTimes.expire_ms);
}

}  // namespace
}  // namespace turnout::manager

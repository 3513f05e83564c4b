#include "deploy/manager/change_log.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "deploy/manager/item_store.h"
#include "state/directory_checkpoint_store.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

ItemId Rules(std::string name) { return {"checkout", ItemKind::kRules, std::move(name)}; }

ChangeRequest Putting(const std::string& name, std::string text,
                      std::optional<int64_t> expected = std::nullopt) {
  return {.by = "ada",
          .edits = {{.id = Rules(name),
                     .content = ItemContent{.text = std::move(text)},
                     .expected = expected}}};
}

// Managers that share a log, each with a store of its own.
class ChangeLogTest : public testing::Test {
 protected:
  ChangeLogTest() : objects_(directory_.path() + "/shared"), log_(&objects_) {}

  absl::StatusOr<std::unique_ptr<ItemStore>> TryOpen(const std::string& name, ChangeLog* log) {
    return ItemStore::Open(
        directory_.path() + "/" + name, [] { return int64_t{1}; }, log);
  }
  std::unique_ptr<ItemStore> Open(const std::string& name) {
    auto store = TryOpen(name, &log_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  std::string TextOf(const ItemStore& store, const std::string& name) {
    const auto item = store.Get(Rules(name));
    if (!item.ok()) return item.status().ToString();
    return item->has_value() ? (*item)->content.text : "none";
  }

  support::TempDirectory directory_;
  state::DirectoryCheckpointStore objects_;
  ChangeLog log_;
};

TEST_F(ChangeLogTest, AStandbyFollowsAndTakesOverWhereTheOtherEnded) {
  auto a = Open("a");
  auto b = Open("b");
  ASSERT_TRUE(a->Apply(Putting("fraud", "1"), nullptr).ok());
  ASSERT_TRUE(a->Apply(Putting("fraud", "2"), nullptr).ok());
  std::vector<int64_t> told;
  b->OnChange([&](const Change& change) { told.push_back(change.number); });
  EXPECT_EQ(b->newest(), 0);
  EXPECT_EQ(b->CatchUp().value(), 2);
  EXPECT_EQ(told, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(TextOf(*b, "fraud"), "2");
  a.reset();
  EXPECT_EQ(b->Apply(Putting("fraud", "3"), nullptr).value().number, 3);
  EXPECT_EQ(TextOf(*Open("a"), "fraud"), "3");  // it was away meanwhile
  EXPECT_EQ(TextOf(*Open("new"), "fraud"), "3");
}

TEST_F(ChangeLogTest, WhoIsBehindLooksFirstAndIsToldOfConflicts) {
  auto a = Open("a");
  auto b = Open("b");
  ASSERT_TRUE(a->Apply(Putting("fraud", "1", 0), nullptr).ok());
  std::vector<Conflict> conflicts;
  EXPECT_TRUE(absl::IsAborted(b->Apply(Putting("fraud", "2", 0), &conflicts).status()));
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(conflicts[0].item.content.text, "1");
  EXPECT_EQ(b->Apply(Putting("fraud", "2", 1), nullptr).value().number, 2);
}

TEST_F(ChangeLogTest, AStoreFromBeforeTheLogIsAddedToItAndAnotherHistoryIsRefused) {
  for (const std::string name : {"old", "other"}) {
    auto alone = TryOpen(name, nullptr).value();
    ASSERT_TRUE(alone->Apply(Putting("fraud", name), nullptr).ok());
    ASSERT_TRUE(alone->Apply(Putting("more", name), nullptr).ok());
  }
  auto old = Open("old");
  EXPECT_EQ(log_.Newest().value(), 2);
  EXPECT_EQ(TextOf(*Open("new"), "fraud"), "old");
  const absl::Status refused = TryOpen("other", &log_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
}

TEST_F(ChangeLogTest, AChangeThatIsGoneOrDamagedStopsWhoNeedsIt) {
  auto a = Open("a");
  for (const std::string text : {"1", "2", "3"}) {
    ASSERT_TRUE(a->Apply(Putting("fraud", text), nullptr).ok());
  }
  const std::string second = "changes/000000000002";
  const std::string whole = objects_.Read(second, 1 << 20).value();
  ASSERT_TRUE(objects_.Remove(second).ok());
  EXPECT_TRUE(absl::IsDataLoss(TryOpen("b", &log_).status()));
  std::string damaged = whole;
  damaged[damaged.size() / 3] ^= 1;
  ASSERT_TRUE(objects_.PutIfAbsent(second, damaged).value());
  EXPECT_TRUE(absl::IsDataLoss(TryOpen("b", &log_).status()));
  ASSERT_TRUE(objects_.Remove(second).ok());
  ASSERT_TRUE(objects_.PutIfAbsent(second, whole).value());
  EXPECT_EQ(TextOf(*Open("b"), "fraud"), "3");
}

TEST_F(ChangeLogTest, WhoEndsBeforeTheLogBeginsIsToldSoAndAddsNothing) {
  auto a = Open("a");
  auto b = Open("b");
  for (const std::string text : {"1", "2", "3", "4"}) {
    ASSERT_TRUE(a->Apply(Putting("fraud", text), nullptr).ok());
    if (text == "2") {
      ASSERT_EQ(b->CatchUp().value(), 2);
    }
  }
  b.reset();
  for (const std::string old : {"1", "2", "3"}) {
    ASSERT_TRUE(objects_.Remove("changes/00000000000" + old).ok());
  }
  const absl::Status refused = TryOpen("b", &log_).status();
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_EQ(objects_.List("changes/")->size(), 1u);
  a.reset();
  EXPECT_EQ(TextOf(*Open("a"), "fraud"), "4");  // it has them all
}

// With something that happens before a put, and puts of which the answer is lost on its way.
class TroubledStore : public state::DirectoryCheckpointStore {
 public:
  using DirectoryCheckpointStore::DirectoryCheckpointStore;
  absl::StatusOr<bool> PutIfAbsent(std::string_view name, std::string_view bytes) override {
    if (before_put) std::exchange(before_put, nullptr)();
    const absl::StatusOr<bool> put = DirectoryCheckpointStore::PutIfAbsent(name, bytes);
    if (!put.ok() || !std::exchange(forgets_next, false)) return put;
    return absl::UnavailableError("no answer");
  }
  std::function<void()> before_put;
  bool forgets_next = false;
};

TEST_F(ChangeLogTest, WhoIsSecondMakesItsChangeAnewOnTopOfTheOther) {
  TroubledStore objects(directory_.path() + "/shared");
  ChangeLog log(&objects);
  auto a = Open("a");
  auto b = TryOpen("b", &log).value();
  objects.before_put = [&] { EXPECT_TRUE(a->Apply(Putting("other", "a"), nullptr).ok()); };
  EXPECT_EQ(b->Apply(Putting("fraud", "b", 0), nullptr).value().number, 2);
  EXPECT_EQ(TextOf(*b, "other"), "a");
  // Of the same item it is a conflict, though it was none when it was looked at first.
  objects.before_put = [&] { EXPECT_TRUE(a->Apply(Putting("fraud", "a"), nullptr).ok()); };
  EXPECT_TRUE(absl::IsAborted(b->Apply(Putting("fraud", "c", 2), nullptr).status()));
  EXPECT_EQ(TextOf(*b, "fraud"), "a");
  EXPECT_EQ(log_.Newest().value(), 3);
}

TEST_F(ChangeLogTest, AChangeOfWhichTheAnswerWasLostIsThereOnceAndSentAgainIsNothing) {
  TroubledStore objects(directory_.path() + "/shared");
  ChangeLog log(&objects);
  auto a = TryOpen("a", &log).value();
  objects.forgets_next = true;
  EXPECT_TRUE(absl::IsUnavailable(a->Apply(Putting("fraud", "1", 0), nullptr).status()));
  EXPECT_EQ(a->newest(), 0);
  EXPECT_EQ(a->Apply(Putting("fraud", "1", 0), nullptr).value().number, 0);
  EXPECT_EQ(a->newest(), 1);
  EXPECT_EQ(TextOf(*a, "fraud"), "1");
}

// Four threads on two managers, none of which asks for a lease: each counts up one item that all
// share, expecting what it has seen, and puts items of its own.
TEST_F(ChangeLogTest, OfManagersThatRaceNoAcknowledgedChangeIsLostAndNoNumberIsGivenTwice) {
  constexpr int kThreads = 4;
  constexpr int kCounts = 40;
  const std::vector<std::unique_ptr<ItemStore>> stores = [&] {
    std::vector<std::unique_ptr<ItemStore>> opened;
    opened.push_back(Open("a"));
    opened.push_back(Open("b"));
    return opened;
  }();
  ASSERT_TRUE(stores[0]->Apply(Putting("count", "0"), nullptr).ok());
  std::vector<std::vector<Change>> acknowledged(kThreads);
  const auto race = [&](int thread) {
    ItemStore& store = *stores[thread % 2];
    std::vector<Change>& made = acknowledged[thread];
    for (int counted = 0; counted < kCounts;) {
      const auto item = store.Get(Rules("count"));
      if (!item.ok()) return;
      // The standby may not have it yet.
      const int64_t count = item->has_value() ? std::stoll((*item)->content.text) : 0;
      const int64_t version = item->has_value() ? (*item)->version : 0;
      auto change = store.Apply(Putting("count", absl::StrCat(count + 1), version), nullptr);
      if (change.ok() && change->number > 0) {
        made.push_back(*std::move(change));
        ++counted;
      }
      change = store.Apply(Putting(absl::StrCat("own", thread), absl::StrCat(counted)), nullptr);
      if (change.ok() && change->number > 0) made.push_back(*std::move(change));
    }
  };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) threads.emplace_back(race, thread);
  for (std::thread& thread : threads) thread.join();

  std::map<int64_t, std::string> by_number;
  for (const std::vector<Change>& made : acknowledged) {
    for (const Change& change : made) {
      EXPECT_TRUE(by_number.emplace(change.number, ToJson(change)).second) << change.number;
    }
  }
  for (const auto& store : stores) {
    EXPECT_EQ(store->CatchUp().value(), static_cast<int64_t>(by_number.size()) + 1);
    for (const auto& [number, json] : by_number) {
      EXPECT_EQ(ToJson(store->FindChange(number).value()), json);
    }
    // Who counted to what another had counted to just before was told that nothing was changed.
    EXPECT_EQ(TextOf(*store, "count"), absl::StrCat(kThreads * kCounts));
  }
}

}  // namespace
}  // namespace turnout::manager

#include "deploy/manager/item_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "state/directory_checkpoint_store.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

ItemId Rules(std::string name) { return {"checkout", ItemKind::kRules, std::move(name)}; }
ItemId Value(std::string name) { return {"checkout", ItemKind::kConfig, std::move(name)}; }
ItemContent Text(std::string text) { return {.text = std::move(text)}; }

class ItemStoreTest : public testing::Test {
 protected:
  ItemStoreTest() { Reopen(); }

  void Reopen() {
    store_.reset();
    auto opened = ItemStore::Open(directory_.path() + "/store", [this] { return ++now_ms_; });
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

  absl::StatusOr<Change> Apply(std::vector<Edit> edits) {
    conflicts_.clear();
    return store_->Apply({.by = "ada", .why = "a reason", .edits = std::move(edits)}, &conflicts_);
  }

  // The number of the change that put it; -1 for an error.
  int64_t Put(ItemId id, std::string text) {
    const auto change = Apply({{.id = std::move(id), .content = Text(std::move(text))}});
    EXPECT_TRUE(change.ok()) << change.status();
    return change.ok() ? change->number : -1;
  }

  std::string TextOf(const absl::StatusOr<std::optional<Item>>& item) {
    if (!item.ok()) return item.status().ToString();
    return item->has_value() ? (*item)->content.text : "none";
  }

  support::TempDirectory directory_;
  int64_t now_ms_ = 1'000;
  std::unique_ptr<ItemStore> store_;
  std::vector<Conflict> conflicts_;
};

TEST_F(ItemStoreTest, WhatWasPutIsThereAndAfterReopeningToo) {
  EXPECT_EQ(store_->newest(), 0);
  EXPECT_EQ(Put(Rules("fraud"), "a"), 1);
  EXPECT_EQ(Put(Rules("fraud"), "b"), 2);
  Reopen();
  EXPECT_EQ(store_->newest(), 2);
  const auto item = store_->Get(Rules("fraud"));
  ASSERT_TRUE(item.ok() && item->has_value()) << item.status();
  EXPECT_EQ((*item)->version, 2);
  EXPECT_EQ((*item)->content, Text("b"));
  EXPECT_EQ(TextOf(store_->Get(Rules("other"))), "none");
  EXPECT_EQ(Put(Rules("fraud"), "c"), 3);
}

TEST_F(ItemStoreTest, AChangeSaysWhoWhenWhyAndWhatItReplaced) {
  Put(Rules("fraud"), "a");
  const auto change = store_->Apply(
      {.by = "ada",
       .why = "two at once",
       .edits = {{.id = Value("limit"), .content = ItemContent{.text = "3", .type = "number"}},
                 {.id = Rules("fraud"), .content = std::nullopt, .expected = 1}},
       .approved_by = {"grace"}},
      nullptr);
  ASSERT_TRUE(change.ok()) << change.status();
  for (const Change& seen : {*change, store_->FindChange(2).value()}) {
    EXPECT_EQ(seen.number, 2);
    EXPECT_EQ(seen.at_ms, 1'002);
    EXPECT_EQ(seen.by, "ada");
    EXPECT_EQ(seen.why, "two at once");
    EXPECT_EQ(seen.approved_by, std::vector<std::string>{"grace"});
    ASSERT_EQ(seen.edits.size(), 2u);
    EXPECT_EQ(seen.edits[0].id, Rules("fraud"));
    EXPECT_EQ(seen.edits[0].before, 1);
    EXPECT_FALSE(seen.edits[0].content.has_value());
    EXPECT_EQ(seen.edits[1].id, Value("limit"));
    EXPECT_EQ(seen.edits[1].before, 0);
    EXPECT_EQ(seen.edits[1].content->type, "number");
  }
  EXPECT_TRUE(absl::IsNotFound(store_->FindChange(3).status()));
}

TEST_F(ItemStoreTest, TheSameAgainChangesNothing) {
  Put(Rules("fraud"), "a");
  EXPECT_EQ(Put(Rules("fraud"), "a"), 0);
  // Its answer was lost: it is sent again, expecting what it expected then.
  const auto again = Apply({{.id = Rules("fraud"), .content = Text("a"), .expected = 0}});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->number, 0);
  const auto deleted = Apply({{.id = Rules("none"), .content = std::nullopt}});
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_EQ(deleted->number, 0);
  EXPECT_EQ(store_->newest(), 1);
  // What differs alone is part of the change.
  const auto change = Apply(
      {{.id = Rules("fraud"), .content = Text("a")}, {.id = Rules("other"), .content = Text("b")}});
  ASSERT_TRUE(change.ok()) << change.status();
  ASSERT_EQ(change->edits.size(), 1u);
  EXPECT_EQ(change->edits[0].id, Rules("other"));
}

TEST_F(ItemStoreTest, AConflictChangesNothingAndShowsWhatIsThere) {
  Put(Rules("fraud"), "a");
  Put(Rules("fraud"), "b");
  const auto change = Apply({{.id = Rules("fraud"), .content = Text("c"), .expected = 1},
                             {.id = Rules("new"), .content = Text("d"), .expected = 7},
                             {.id = Rules("fine"), .content = Text("e"), .expected = 0}});
  EXPECT_TRUE(absl::IsAborted(change.status())) << change.status();
  ASSERT_EQ(conflicts_.size(), 2u);
  EXPECT_EQ(conflicts_[0].item.version, 2);
  EXPECT_EQ(conflicts_[0].item.content.text, "b");
  EXPECT_EQ(conflicts_[0].expected, 1);
  EXPECT_EQ(conflicts_[1].item.id, Rules("new"));
  EXPECT_EQ(conflicts_[1].item.version, 0);
  EXPECT_EQ(store_->newest(), 2);
  EXPECT_EQ(TextOf(store_->Get(Rules("fine"))), "none");
}

TEST_F(ItemStoreTest, WhatMayNotBeIsRefusedAndNamed) {
  const std::vector<std::pair<ChangeRequest, std::string>> cases = {
      {{.by = ""}, "say who"},
      {{.by = "\xff"}, "by is not UTF-8"},
      {{.by = "ada", .why = std::string(kWhyBytesMax + 1, 'a')}, "why: 4001"},
      {{.by = "ada", .edits = {{.id = {"check out", ItemKind::kRules, "a"}}}}, "service"},
      {{.by = "ada", .edits = {{.id = Rules("../a")}}}, "name"},
      {{.by = "ada", .edits = {{.id = Rules("a"), .content = Text("\xff")}}}, "checkout/rules/a"},
      {{.by = "ada", .edits = {{.id = Rules("a")}, {.id = Rules("a")}}}, "twice"},
      {{.by = "ada", .edits = std::vector<Edit>(kEditsPerChangeMax + 1)}, "20001"},
  };
  for (const auto& [request, words] : cases) {
    const absl::Status status = store_->Apply(request, nullptr).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_NE(status.message().find(words), std::string::npos) << status << " without " << words;
  }
  EXPECT_EQ(store_->newest(), 0);
}

TEST_F(ItemStoreTest, AnItemIsReadAsOfAnyChange) {
  Put(Rules("fraud"), "a");
  Put(Rules("other"), "x");
  Put(Rules("fraud"), "b");
  ASSERT_TRUE(Apply({{.id = Rules("fraud"), .content = std::nullopt}}).ok());
  Put(Rules("fraud"), "c");
  const std::vector<std::string> texts = {"none", "a", "a", "b", "none", "c"};
  for (size_t change = 0; change < texts.size(); ++change) {
    EXPECT_EQ(TextOf(store_->GetAt(Rules("fraud"), static_cast<int64_t>(change))), texts[change]);
  }
  EXPECT_TRUE(absl::IsNotFound(store_->GetAt(Rules("fraud"), 6).status()));
}

TEST_F(ItemStoreTest, ListsAreSortedAndOfWhatWasAskedFor) {
  // Of names one begins another; of kinds the one is before the other in the alphabet, not here.
  const std::vector<ItemId> ids = {
      {"a", ItemKind::kTests, "z"},    {"a", ItemKind::kSecret, "b"},
      {"a-b", ItemKind::kRules, "a"},  {"a-b", ItemKind::kRules, "a.b"},
      {"a-b", ItemKind::kRules, "a1"}, {"a-b", ItemKind::kPipeline, "a"},
      {"a.b", ItemKind::kRules, "a"}};
  for (size_t i = ids.size(); i > 0; --i) Put(ids[i - 1], "text");
  Put({"gone", ItemKind::kRules, "a"}, "text");
  ASSERT_TRUE(Apply({{.id = {"gone", ItemKind::kRules, "a"}}}).ok());
  const auto listed = [&](std::string_view service, std::optional<ItemKind> kind) {
    std::vector<ItemId> found;
    const auto items = store_->List(service, kind);
    EXPECT_TRUE(items.ok()) << items.status();
    for (const Item& item : items.value_or(std::vector<Item>())) found.push_back(item.id);
    return found;
  };
  EXPECT_EQ(listed("", std::nullopt), ids);
  EXPECT_EQ(listed("a", std::nullopt), std::vector<ItemId>(ids.begin(), ids.begin() + 2));
  EXPECT_EQ(listed("a-b", ItemKind::kRules), std::vector<ItemId>(ids.begin() + 2, ids.begin() + 5));
  EXPECT_EQ(listed("", ItemKind::kPipeline), std::vector<ItemId>{ids[5]});
  EXPECT_EQ(listed("gone", std::nullopt), std::vector<ItemId>{});
  EXPECT_EQ(store_->Services().value(), (std::vector<std::string>{"a", "a-b", "a.b", "gone"}));
}

TEST_F(ItemStoreTest, HistoriesGoBackPageByPage) {
  for (int i = 0; i < 5; ++i) {
    Put(Rules("fraud"), std::string(1, static_cast<char>('a' + i)));  // 1, 3, 5, 7, 9
    Put({"other", ItemKind::kRules, "fraud"}, std::string(1, static_cast<char>('a' + i)));
  }
  ASSERT_TRUE(Apply({{.id = Rules("fraud")}, {.id = {"other", ItemKind::kRules, "fraud"}}}).ok());
  const auto numbers = [](const absl::StatusOr<std::vector<ChangeSummary>>& summaries) {
    std::vector<int64_t> found;
    for (const ChangeSummary& summary : summaries.value()) found.push_back(summary.number);
    return found;
  };
  using Numbers = std::vector<int64_t>;
  EXPECT_EQ(numbers(store_->HistoryOf(Rules("fraud"), 0, 4)), (Numbers{11, 9, 7, 5}));
  EXPECT_EQ(numbers(store_->HistoryOf(Rules("fraud"), 5, 4)), (Numbers{3, 1}));
  EXPECT_EQ(numbers(store_->HistoryOf(Rules("fraud"), 1, 4)), Numbers{});
  EXPECT_EQ(numbers(store_->HistoryOf(Rules("none"), 0, 4)), Numbers{});
  EXPECT_EQ(numbers(store_->HistoryOfService("other", 0, 100)), (Numbers{11, 10, 8, 6, 4, 2}));
  EXPECT_EQ(numbers(store_->HistoryOfService("othe", 0, 100)), Numbers{});
  const ChangeSummary last = store_->HistoryOfService("other", 0, 1).value().front();
  EXPECT_EQ(last.by, "ada");
  EXPECT_EQ(last.why, "a reason");
  EXPECT_EQ(last.items,
            (std::vector<ItemId>{Rules("fraud"), {"other", ItemKind::kRules, "fraud"}}));
}

TEST_F(ItemStoreTest, EachAppliedChangeIsToldOfOnceAndInOrder) {
  std::vector<int64_t> told;
  store_->OnChange([&](const Change& change) {
    EXPECT_EQ(store_->newest(), change.number);
    told.push_back(change.number);
  });
  Put(Rules("fraud"), "a");
  Put(Rules("fraud"), "a");
  Put(Rules("fraud"), "b");
  EXPECT_EQ(told, (std::vector<int64_t>{1, 2}));
}

TEST_F(ItemStoreTest, ABackupHoldsAllChangesUpToItsNumberAndFillsAnEmptyDirectory) {
  state::DirectoryCheckpointStore backups(directory_.path() + "/backups");
  Put(Rules("fraud"), "a");
  Put(Rules("fraud"), "b");
  const auto backed_up = store_->BackUp(&backups, "monday");
  ASSERT_TRUE(backed_up.ok()) << backed_up.status();
  EXPECT_EQ(*backed_up, 2);
  Put(Rules("fraud"), "c");
  EXPECT_EQ(store_->BackUp(&backups, "tuesday").value(), 3);
  EXPECT_EQ(ListBackups(&backups).value(), (std::vector<std::string>{"monday", "tuesday"}));
  EXPECT_TRUE(absl::IsInvalidArgument(store_->BackUp(&backups, "monday").status()));

  const std::string place = directory_.path() + "/restored";
  const auto restored = RestoreItems(&backups, "monday", place);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(*restored, 2);
  EXPECT_TRUE(absl::IsFailedPrecondition(RestoreItems(&backups, "monday", place).status()));
  EXPECT_TRUE(absl::IsNotFound(RestoreItems(&backups, "sunday", place + "2").status()));
  auto opened = ItemStore::Open(place, [] { return 0; });
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(TextOf((*opened)->Get(Rules("fraud"))), "b");
  EXPECT_EQ(TextOf((*opened)->GetAt(Rules("fraud"), 1)), "a");
  EXPECT_EQ((*opened)->newest(), 2);
}

TEST_F(ItemStoreTest, ABackupOfWhichAFileIsDamagedIsNotRestored) {
  state::DirectoryCheckpointStore backups(directory_.path() + "/backups");
  Put(Rules("fraud"), "a");
  ASSERT_TRUE(store_->BackUp(&backups, "monday").ok());
  const auto objects = backups.List("backups/monday/files/");
  ASSERT_TRUE(objects.ok());
  ASSERT_FALSE(objects->empty());
  const std::string damaged = directory_.path() + "/backups/" + objects->back().name;
  std::filesystem::resize_file(damaged, std::filesystem::file_size(damaged) + 1);
  const std::string place = directory_.path() + "/restored";
  EXPECT_TRUE(absl::IsDataLoss(RestoreItems(&backups, "monday", place).status()));
  // Nothing is in the way of another one.
  Put(Rules("fraud"), "b");
  ASSERT_TRUE(store_->BackUp(&backups, "tuesday").ok());
  EXPECT_EQ(RestoreItems(&backups, "tuesday", place).value(), 2);
}

TEST_F(ItemStoreTest, AStoreThatIsOpenElsewhereIsUnavailable) {
  const auto second = ItemStore::Open(directory_.path() + "/store", [] { return 0; });
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
}

TEST_F(ItemStoreTest, AnUndoneChangeIsAsBeforeUnlessChangedSince) {
  Put(Rules("fraud"), "a");
  ASSERT_TRUE(Apply({{.id = Rules("fraud"), .content = Text("b")},
                     {.id = Rules("new"), .content = Text("n")}})
                  .ok());
  auto undo = store_->Undoing(2, nullptr);
  ASSERT_TRUE(undo.ok()) << undo.status();
  undo->by = "grace";
  const auto undone = store_->Apply(*undo, nullptr);
  ASSERT_TRUE(undone.ok()) << undone.status();
  EXPECT_EQ(undone->reverts, 2);
  EXPECT_EQ(TextOf(store_->Get(Rules("fraud"))), "a");
  EXPECT_EQ(TextOf(store_->Get(Rules("new"))), "none");
  // The undoing can be undone, too; but what it undid was changed since.
  EXPECT_TRUE(store_->Undoing(3, nullptr).ok());
  std::vector<Conflict> conflicts;
  EXPECT_TRUE(absl::IsAborted(store_->Undoing(2, &conflicts).status()));
  ASSERT_EQ(conflicts.size(), 2u);
  EXPECT_EQ(conflicts[0].item.content.text, "a");
  EXPECT_EQ(conflicts[0].expected, 2);
  EXPECT_TRUE(absl::IsNotFound(store_->Undoing(9, nullptr).status()));
}

}  // namespace
}  // namespace turnout::manager

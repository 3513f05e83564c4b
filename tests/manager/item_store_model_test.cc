// Random changes, applied to a store and to a plain model in memory: they agree in all that can be
// asked, at each step and after reopening.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "deploy/manager/item_store.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

constexpr int kSeeds = 6;
constexpr int kStepsPerSeed = 60;

// All versions of all items, as they came.
class Model {
 public:
  struct Version {
    int64_t number = 0;
    std::optional<ItemContent> content;
  };

  // Of that change or the newest before it.
  const Version* Find(const ItemId& id, int64_t change) const {
    const auto found = versions_.find(id);
    if (found == versions_.end()) return nullptr;
    const Version* newest = nullptr;
    for (const Version& version : found->second) {
      if (version.number <= change) newest = &version;
    }
    return newest;
  }
  // 0: there is none now.
  int64_t VersionOf(const ItemId& id) const {
    const Version* found = Find(id, newest_);
    return found != nullptr && found->content ? found->number : 0;
  }

  // What is to come of the request: conflicts, nothing, or this change.
  struct Outcome {
    std::vector<ItemId> conflicts;
    std::vector<DoneEdit> edits;
  };
  Outcome Expect(const ChangeRequest& request) const {
    Outcome outcome;
    for (const Edit& edit : request.edits) {
      const Version* now = Find(edit.id, newest_);
      if ((now == nullptr ? std::nullopt : now->content) == edit.content) continue;
      if (edit.expected && *edit.expected != VersionOf(edit.id)) {
        outcome.conflicts.push_back(edit.id);
      } else {
        outcome.edits.push_back({edit.id, edit.content, VersionOf(edit.id)});
      }
    }
    const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
    std::sort(outcome.edits.begin(), outcome.edits.end(), by_id);
    std::sort(outcome.conflicts.begin(), outcome.conflicts.end());
    return outcome;
  }

  void Apply(const Change& change) {
    newest_ = change.number;
    for (const DoneEdit& edit : change.edits) {
      versions_[edit.id].push_back({change.number, edit.content});
    }
    changes_.push_back(change);
  }

  int64_t newest() const { return newest_; }
  const std::vector<Change>& changes() const { return changes_; }

 private:
  int64_t newest_ = 0;
  std::map<ItemId, std::vector<Version>> versions_;
  std::vector<Change> changes_;
};

void ExpectEqual(const Change& a, const Change& b) {
  EXPECT_EQ(ToJson(a), ToJson(b));
  const absl::StatusOr<Change> read = ReadChange(ToJson(a));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToJson(*read), ToJson(a));
}

class RandomChanges {
 public:
  RandomChanges(uint64_t seed, const std::string& directory)
      : random_(seed), directory_(directory) {
    for (const std::string service : {"a", "a-b", "b"}) {
      for (const ItemKind kind : {ItemKind::kRules, ItemKind::kTests, ItemKind::kSecret}) {
        for (const std::string name : {"x", "x.y"}) ids_.push_back({service, kind, name});
      }
    }
    Reopen();
  }

  void Step() {
    if (random_.OneIn(12)) return Reopen();
    if (random_.OneIn(5) && model_.newest() > 0) return Undo();
    ApplyToBoth(Request());
  }

  void CompareAll() {
    ASSERT_EQ(store_->newest(), model_.newest());
    std::vector<ItemId> listed;
    const auto items = store_->List("", std::nullopt);
    ASSERT_TRUE(items.ok()) << items.status();
    for (const Item& item : *items) listed.push_back(item.id);
    std::vector<ItemId> expected;
    for (const ItemId& id : ids_) {
      if (model_.VersionOf(id) > 0) expected.push_back(id);
    }
    EXPECT_EQ(listed, expected);
    for (const ItemId& id : ids_) CompareItem(id);
    for (const Change& change : model_.changes()) {
      const auto found = store_->FindChange(change.number);
      ASSERT_TRUE(found.ok()) << found.status();
      ExpectEqual(*found, change);
    }
    for (const std::string service : {"a", "a-b", "b"}) {
      const auto in_service = [&](const ItemId& id) { return id.service == service; };
      CompareHistory(store_->HistoryOfService(service, 0, 1'000), in_service);
    }
  }

 private:
  void Reopen() {
    store_.reset();
    auto opened = ItemStore::Open(directory_, [this] { return now_ms_ += 5; });
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
    EXPECT_EQ(store_->newest(), model_.newest());
  }

  ChangeRequest Request() {
    ChangeRequest request{.by = "ada \"\n", .why = absl::StrCat("\x01 why ", random_.Next())};
    if (random_.OneIn(3)) request.approved_by = {"grace", "joan"};
    for (const ItemId& id : ids_) {
      if (!random_.OneIn(6)) continue;
      Edit edit{.id = id};
      if (!random_.OneIn(4)) {
        // Few different ones, so that some are what is there.
        edit.content = ItemContent{.text = absl::StrCat("text\t", random_.Below(3))};
        if (id.kind == ItemKind::kSecret) edit.content->bound_to = {"router-1", "router-2"};
      }
      if (random_.OneIn(2)) edit.expected = model_.VersionOf(id);
      if (random_.OneIn(12)) edit.expected = random_.Between(0, model_.newest());
      request.edits.insert(request.edits.begin() + random_.Below(request.edits.size() + 1), edit);
    }
    return request;
  }

  void ApplyToBoth(const ChangeRequest& request) {
    const Model::Outcome outcome = model_.Expect(request);
    std::vector<Conflict> conflicts;
    const absl::StatusOr<Change> change = store_->Apply(request, &conflicts);
    if (!outcome.conflicts.empty()) {
      EXPECT_TRUE(absl::IsAborted(change.status())) << change.status();
      std::vector<ItemId> found;
      for (const Conflict& conflict : conflicts) {
        found.push_back(conflict.item.id);
        EXPECT_EQ(conflict.item.version, model_.VersionOf(conflict.item.id));
      }
      EXPECT_EQ(found, outcome.conflicts);
      return;
    }
    ASSERT_TRUE(change.ok()) << change.status();
    const bool is_any = !outcome.edits.empty();
    ExpectEqual(*change, Change{.number = is_any ? model_.newest() + 1 : 0,
                                .at_ms = is_any ? now_ms_ : 0,
                                .by = request.by,
                                .why = request.why,
                                .approved_by = request.approved_by,
                                .reverts = request.reverts,
                                .edits = outcome.edits});
    if (!is_any) return;
    model_.Apply(*change);
    // The same again is nothing.
    const absl::StatusOr<Change> again = store_->Apply(request, nullptr);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->number, 0);
  }

  void Undo() {
    const int64_t number = random_.Between(1, model_.newest());
    const Change change = model_.changes()[number - 1];  // a copy: more are to come
    const bool is_last =
        std::all_of(change.edits.begin(), change.edits.end(), [&](const DoneEdit& edit) {
          return model_.Find(edit.id, model_.newest())->number == number;
        });
    absl::StatusOr<ChangeRequest> request = store_->Undoing(number, nullptr);
    if (!is_last) {
      EXPECT_TRUE(absl::IsAborted(request.status())) << request.status();
      return;
    }
    ASSERT_TRUE(request.ok()) << request.status();
    EXPECT_EQ(request->reverts, number);
    request->by = "grace";
    ApplyToBoth(*request);
    for (const DoneEdit& edit : change.edits) {
      const Model::Version* before = model_.Find(edit.id, number - 1);
      const auto now = store_->Get(edit.id);
      ASSERT_TRUE(now.ok()) << now.status();
      EXPECT_EQ(now->has_value() ? std::optional((*now)->content) : std::nullopt,
                before == nullptr ? std::nullopt : before->content);
    }
  }

  void CompareItem(const ItemId& id) {
    for (int64_t at = 0; at <= model_.newest(); ++at) {
      const Model::Version* expected = model_.Find(id, at);
      const auto found = store_->GetAt(id, at);
      ASSERT_TRUE(found.ok()) << found.status();
      ASSERT_EQ(found->has_value(), expected != nullptr && expected->content.has_value());
      if (!found->has_value()) continue;
      EXPECT_EQ((*found)->version, expected->number);
      EXPECT_EQ((*found)->content, *expected->content);
    }
    CompareHistory(store_->HistoryOf(id, 0, 1'000),
                   [&](const ItemId& other) { return other == id; });
  }

  template <typename Belongs>
  void CompareHistory(const absl::StatusOr<std::vector<ChangeSummary>>& history, Belongs belongs) {
    ASSERT_TRUE(history.ok()) << history.status();
    std::vector<int64_t> numbers;
    for (const ChangeSummary& summary : *history) numbers.push_back(summary.number);
    std::vector<int64_t> expected;
    for (const Change& change : model_.changes()) {
      const bool is_one = std::any_of(change.edits.begin(), change.edits.end(),
                                      [&](const DoneEdit& edit) { return belongs(edit.id); });
      if (is_one) expected.insert(expected.begin(), change.number);
    }
    EXPECT_EQ(numbers, expected);
  }

  support::SeededRandom random_;
  const std::string directory_;
  std::vector<ItemId> ids_;  // sorted
  Model model_;
  int64_t now_ms_ = 0;
  std::unique_ptr<ItemStore> store_;
};

TEST(ItemStoreModelTest, RandomChangesAreWhatAPlainModelSays) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    support::TempDirectory directory;
    RandomChanges changes(seed, directory.path());
    for (int step = 0; step < kStepsPerSeed && !testing::Test::HasFatalFailure(); ++step) {
      changes.Step();
      if (step % 15 == 14) changes.CompareAll();
    }
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace turnout::manager

#include "deploy/manager/item_store.h"

#include <atomic>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "deploy/manager/change_log.h"
#include "deploy/manager/change_request.h"
#include "deploy/manager/item_keys.h"
#include "deploy/manager/item_records.h"
#include "deploy/manager/sealed_items.h"
#include "state/document_backup.h"
#include "state/document_store.h"

namespace turnout::manager {
namespace {

using state::DocumentStore;
using state::DocumentView;

// How often an Apply makes its change anew because another manager was first.
constexpr int kRacesMax = 100;
constexpr std::string_view kLeading = "this manager makes the changes from here on";
constexpr std::string_view kScratch = "/snapshot.unfinished";

class StoredItems : public ItemStore {
 public:
  StoredItems(std::string directory, std::unique_ptr<DocumentStore> documents, int64_t newest,
              std::function<int64_t()> now_ms, ChangeLog* log)
      : directory_(std::move(directory)),
        documents_(std::move(documents)),
        now_ms_(std::move(now_ms)),
        log_(log),
        newest_(newest) {}

  absl::StatusOr<Change> Apply(ChangeRequest request, std::vector<Conflict>* conflicts) override {
    if (absl::Status checked = CheckRequest(&request); !checked.ok()) return checked;
    const absl::MutexLock lock(&applying_);
    for (int race = 0; race < kRacesMax; ++race) {
      if (has_led_ && !leads_) return OthersLead();
      // Who leads is behind nobody, or is told so by the log.
      if (absl::Status caught_up = leads_ ? absl::OkStatus() : Follow(); !caught_up.ok()) {
        return caught_up;
      }
      absl::StatusOr<Change> change = Plan(request, conflicts);
      if (!change.ok() || change->number == 0) return change;
      const absl::StatusOr<bool> is_made = Add(*change);
      if (!is_made.ok()) return is_made.status();
      if (*is_made) return change;
    }
    return absl::UnavailableError(
        "other managers are making changes all the time; send it again, to the one with the lease");
  }

  absl::Status Lead(std::string_view by) override {
    const absl::MutexLock lock(&applying_);
    for (int race = 0; race < kRacesMax; ++race) {
      if (absl::Status caught_up = Follow(); !caught_up.ok()) return caught_up;
      const absl::StatusOr<bool> is_made = Add({.number = newest_ + 1,
                                                .at_ms = now_ms_(),
                                                .by = std::string(by),
                                                .why = std::string(kLeading)});
      if (!is_made.ok()) return is_made.status();
      if (!*is_made) continue;
      has_led_ = true;
      leads_ = true;
      return absl::OkStatus();
    }
    return OthersLead();
  }

  bool leads() const override { return leads_; }

  absl::StatusOr<int64_t> Rewrap(std::string_view why, RewrapText rewrap) override {
    const absl::MutexLock lock(&applying_);
    for (int race = 0; race < kRacesMax; ++race) {
      if (has_led_ && !leads_) return OthersLead();
      if (absl::Status caught_up = leads_ ? absl::OkStatus() : Follow(); !caught_up.ok()) {
        return caught_up;
      }
      absl::StatusOr<std::vector<Rewrapped>> planned = PlanRewrap(documents_->View(), rewrap);
      if (!planned.ok()) return planned.status();
      const auto count = static_cast<int64_t>(planned->size());
      if (count == 0) return 0;
      const Change change{.number = newest_ + 1,
                          .at_ms = now_ms_(),
                          .by = std::string(kRewrapsBy),
                          .why = std::string(why),
                          .rewrapped = *std::move(planned)};
      const absl::StatusOr<bool> is_made = Add(change);
      if (!is_made.ok()) return is_made.status();
      if (*is_made) return count;
    }
    return absl::UnavailableError("other managers are making changes all the time");
  }

  absl::StatusOr<SealedCounts> SealedBy() const override { return CountSealed(documents_->View()); }

  absl::StatusOr<std::optional<Item>> Get(const ItemId& id) const override {
    return FindNewest(documents_->View(), id);
  }

  absl::StatusOr<std::optional<Item>> GetAt(const ItemId& id, int64_t change) const override {
    const DocumentView view = documents_->View();
    const absl::StatusOr<int64_t> newest = NewestIn(view);
    if (!newest.ok()) return newest.status();
    if (change < 0 || change > *newest) {
      return absl::NotFoundError(
          absl::StrFormat("there is no change %d; the newest is %d", change, *newest));
    }
    const auto numbers = NumbersBefore(view, VersionsPrefix(id), change + 1, 1);
    if (!numbers.ok()) return numbers.status();
    if (numbers->empty()) return std::nullopt;
    return FindVersion(view, id, numbers->front());
  }

  absl::StatusOr<std::vector<Item>> List(std::string_view service,
                                         std::optional<ItemKind> kind) const override {
    return ListItems(documents_->View(), service, kind);
  }

  absl::StatusOr<std::vector<std::string>> Services() const override {
    std::vector<std::string> services;
    const absl::Status scanned = documents_->View().Scan(
        {.prefix = std::string(kServicePrefix)}, [&](std::string_view key, std::string_view) {
          services.emplace_back(key.substr(kServicePrefix.size()));
          return true;
        });
    if (!scanned.ok()) return scanned;
    return services;
  }

  absl::StatusOr<Change> FindChange(int64_t number) const override {
    return FindWholeChange(documents_->View(), number);
  }

  absl::StatusOr<std::vector<ChangeSummary>> HistoryOf(const ItemId& id, int64_t before,
                                                       size_t limit) const override {
    const DocumentView view = documents_->View();
    return Summarize(view, NumbersBefore(view, HistoryPrefix(id), before, limit));
  }

  absl::StatusOr<std::vector<ChangeSummary>> HistoryOfService(std::string_view service,
                                                              int64_t before,
                                                              size_t limit) const override {
    const DocumentView view = documents_->View();
    return Summarize(view, NumbersBefore(view, ServiceHistoryPrefix(service), before, limit));
  }

  int64_t newest() const override { return newest_; }

  absl::StatusOr<ChangeRequest> Undoing(int64_t number,
                                        std::vector<Conflict>* conflicts) const override {
    const DocumentView view = documents_->View();
    absl::StatusOr<Change> change = FindWholeChange(view, number);
    if (!change.ok()) return change.status();
    ChangeRequest request{.why = absl::StrFormat("undoes change %d", number), .reverts = number};
    std::vector<Conflict> found;
    for (DoneEdit& edit : change->edits) {
      const auto newest = NumbersBefore(view, HistoryPrefix(edit.id), 0, 1);
      if (!newest.ok()) return newest.status();
      const int64_t left_as = edit.content ? number : 0;
      if (newest->empty() || newest->front() != number) {
        absl::StatusOr<std::optional<Item>> item = FindNewest(view, edit.id);
        if (!item.ok()) return item.status();
        found.push_back({.item = item->has_value() ? **std::move(item) : Item{.id = edit.id},
                         .expected = left_as});
        continue;
      }
      absl::StatusOr<std::optional<Item>> before = std::nullopt;
      if (edit.before > 0) before = FindVersion(view, edit.id, edit.before);
      if (!before.ok()) return before.status();
      Edit& undo = request.edits.emplace_back(Edit{.id = std::move(edit.id), .expected = left_as});
      if (before->has_value()) undo.content = std::move((*before)->content);
    }
    if (found.empty()) return request;
    absl::Status status = ConflictStatus(found);
    if (conflicts != nullptr) *conflicts = std::move(found);
    return status;
  }

  void OnChange(std::function<void(const Change&)> called) override {
    const absl::MutexLock lock(&applying_);
    on_change_ = std::move(called);
  }

  absl::StatusOr<int64_t> CatchUp() override {
    const absl::MutexLock lock(&applying_);
    if (absl::Status caught_up = Follow(); !caught_up.ok()) return caught_up;
    return newest();
  }

  // That this store and the log have one history, as far as both go; the log gets what it has not.
  absl::Status Join() {
    const absl::MutexLock lock(&applying_);
    if (log_ == nullptr) return absl::OkStatus();
    // Looked up first: others may go on meanwhile.
    const absl::StatusOr<int64_t> logged = log_->Newest();
    if (!logged.ok()) return logged.status();
    int64_t common = newest_;
    for (; common > 0; --common) {
      const absl::StatusOr<bool> is_there = IsLogged(common);
      if (!is_there.ok()) return is_there.status();
      if (*is_there) break;
      if (*logged > newest_) return IsGone(common, *logged);
    }
    for (int64_t number = common + 1; number <= newest_; ++number) {
      const absl::StatusOr<Change> change = FindChange(number);
      if (!change.ok()) return change.status();
      const absl::StatusOr<bool> is_first = log_->Append(*change);
      if (!is_first.ok()) return is_first.status();
      // Another one may have had the same to add.
      const absl::StatusOr<bool> is_there = IsLogged(number);
      if (!is_there.ok()) return is_there.status();
    }
    if (absl::Status followed = Follow(); !followed.ok()) return followed;
    return newest_ >= *logged ? absl::OkStatus() : IsGone(newest_ + 1, *logged);
  }

  absl::StatusOr<int64_t> BackUp(state::CheckpointStore* to, std::string_view name) override {
    const absl::MutexLock lock(&backing_up_);
    int64_t newest = 0;
    const absl::StatusOr<std::string> copied = state::BackUpDocuments(
        *documents_, directory_ + std::string(kScratch), to, name,
        [&](const DocumentView& view) { return DescribeItems(view, &newest); });
    if (!copied.ok()) return copied.status();
    return newest;
  }

 private:
  // What the request comes to as the next change; its number is 0 if that is nothing.
  absl::StatusOr<Change> Plan(const ChangeRequest& request, std::vector<Conflict>* conflicts)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(applying_) {
    if (request.reverts && (*request.reverts < 1 || *request.reverts > newest_)) {
      return absl::NotFoundError(
          absl::StrFormat("there is no change %d to be undone", *request.reverts));
    }
    Change change{.by = request.by,
                  .why = request.why,
                  .approved_by = request.approved_by,
                  .reverts = request.reverts};
    const DocumentView view = documents_->View();
    auto edits = PlanEdits(
        request, [&](const ItemId& id) { return FindNewest(view, id); }, conflicts);
    if (!edits.ok()) return edits.status();
    if (edits->empty()) return change;
    change.number = newest_ + 1;
    change.at_ms = now_ms_();
    change.edits = *std::move(edits);
    return change;
  }

  // To the log, then to the store. False: another manager was first. Whatever goes wrong, this one
  // leads no longer: what the log then holds is for Lead to find out.
  absl::StatusOr<bool> Add(const Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(applying_) {
    absl::StatusOr<bool> is_made = log_ == nullptr ? true : log_->Append(change);
    if (is_made.ok() && *is_made) {
      if (absl::Status wrote = Write(change); !wrote.ok()) is_made = wrote;
    }
    if (!is_made.ok() || !*is_made) leads_ = false;
    return is_made;
  }

  static absl::Status IsGone(int64_t number, int64_t logged) {
    return absl::DataLossError(
        absl::StrFormat("change %d is gone from the log, which goes on to %d; restore a backup "
                        "that has it and begin from that",
                        number, logged));
  }

  static absl::Status OthersLead() {
    return absl::UnavailableError(
        "another manager makes the changes now; send it again, to the one with the lease");
  }

  absl::Status Write(const Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(applying_) {
    std::vector<state::DocumentChange> batch = RecordsOf(change);
    const absl::Status rewrapped = AddRewrapped(documents_->View(), change, &batch);
    if (!rewrapped.ok()) return rewrapped;
    if (absl::Status wrote = documents_->Write(batch); !wrote.ok()) return wrote;
    newest_ = change.number;
    if (on_change_) on_change_(change);
    return absl::OkStatus();
  }

  // Writes what the log has and this store has not.
  absl::Status Follow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(applying_) {
    while (log_ != nullptr) {
      const absl::StatusOr<std::optional<Change>> next = log_->Find(newest_ + 1);
      if (!next.ok()) return next.status();
      if (!next->has_value()) break;
      leads_ = false;  // it is another manager's
      if (absl::Status wrote = Write(**next); !wrote.ok()) return wrote;
    }
    return absl::OkStatus();
  }

  // Whether the log has this change of the store's; FailedPrecondition if it has another one.
  absl::StatusOr<bool> IsLogged(int64_t number) const {
    const absl::StatusOr<Change> change = FindChange(number);
    if (!change.ok()) return change.status();
    const absl::StatusOr<std::optional<Change>> logged = log_->Find(number);
    if (!logged.ok()) return logged.status();
    if (!logged->has_value()) return false;
    // The log keeps secrets as they were sealed then.
    if (ToJson(WithSealedParts(**logged)) == ToJson(WithSealedParts(*change))) return true;
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s and the log have each a change %d of their own; give the log an empty directory, or "
        "this one a log of its own",
        directory_, number));
  }

  const std::string directory_;
  const std::unique_ptr<DocumentStore> documents_;
  const std::function<int64_t()> now_ms_;
  ChangeLog* const log_;  // none: this manager is the only one
  std::atomic<int64_t> newest_;
  std::atomic<bool> leads_{false};
  bool has_led_ ABSL_GUARDED_BY(applying_) = false;
  absl::Mutex applying_;
  absl::Mutex backing_up_;
  std::function<void(const Change&)> on_change_ ABSL_GUARDED_BY(applying_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<ItemStore>> ItemStore::Open(const std::string& directory,
                                                           std::function<int64_t()> now_ms,
                                                           ChangeLog* log) {
  auto documents = DocumentStore::Open(ItemsDirectory(directory));
  if (!documents.ok()) return documents.status();
  const absl::StatusOr<std::optional<std::string>> format = CheckFormat((*documents)->View());
  if (!format.ok()) return format.status();
  if (!format->has_value()) {
    const absl::Status wrote =
        (*documents)->Write({{std::string(kItemsFormatKey), std::string(kItemsFormat)}});
    if (!wrote.ok()) return wrote;
  }
  const absl::StatusOr<int64_t> newest = NewestIn((*documents)->View());
  if (!newest.ok()) return newest.status();
  auto store = std::make_unique<StoredItems>(directory, *std::move(documents), *newest,
                                             std::move(now_ms), log);
  if (absl::Status joined = store->Join(); !joined.ok()) return joined;
  return store;
}

}  // namespace turnout::manager

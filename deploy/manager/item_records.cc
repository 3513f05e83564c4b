#include "deploy/manager/item_records.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "deploy/manager/item_keys.h"

namespace turnout::manager {
namespace {

using state::DocumentChange;
using state::DocumentView;

absl::Status Damaged(const std::string& what, absl::string_view why) {
  return absl::DataLossError(absl::StrFormat("%s: %s; restore a backup", what, why));
}

// The version that a record of one edit holds; nullopt: the item was deleted.
absl::StatusOr<std::optional<Item>> ReadVersion(const ItemId& id, std::string_view record) {
  absl::StatusOr<Change> change = ReadChange(record);
  if (!change.ok()) return Damaged(id.ToString(), change.status().message());
  if (change->edits.size() != 1 || change->edits[0].id != id) {
    return Damaged(id.ToString(), "its record is another item's");
  }
  DoneEdit& edit = change->edits[0];
  if (!edit.content) return std::nullopt;
  return Item{
      .id = std::move(edit.id), .content = *std::move(edit.content), .version = change->number};
}

// The change as it is kept, its edits without contents.
absl::StatusOr<Change> FindBareChange(const DocumentView& view, int64_t number) {
  absl::StatusOr<std::optional<std::string>> record = view.Get(ChangeKey(number));
  if (!record.ok()) return record.status();
  if (!record->has_value()) {
    return absl::NotFoundError(absl::StrFormat("there is no change %d", number));
  }
  absl::StatusOr<Change> change = ReadChange(**record);
  const std::string what = absl::StrFormat("change %d", number);
  if (!change.ok()) return Damaged(what, change.status().message());
  if (change->number != number) return Damaged(what, "its record is another change's");
  return change;
}

}  // namespace

std::vector<DocumentChange> RecordsOf(const Change& change) {
  std::vector<DocumentChange> batch;
  Change bare = change;
  for (DoneEdit& edit : bare.edits) edit.content.reset();
  for (Rewrapped& one : bare.rewrapped) one.text.clear();
  batch.push_back({ChangeKey(change.number), ToJson(bare)});
  for (const DoneEdit& edit : change.edits) {
    const std::string record = ToJson({.number = change.number, .edits = {edit}});
    batch.push_back({ItemKey(edit.id), edit.content ? std::optional(record) : std::nullopt});
    batch.push_back({NumberedKey(VersionsPrefix(edit.id), change.number), record});
    batch.push_back({NumberedKey(HistoryPrefix(edit.id), change.number), ""});
    batch.push_back({NumberedKey(ServiceHistoryPrefix(edit.id.service), change.number), ""});
    batch.push_back({ServiceKey(edit.id.service), ""});
  }
  return batch;
}

absl::StatusOr<int64_t> NewestIn(const DocumentView& view) {
  const auto numbers = NumbersBefore(view, std::string(kChangePrefix), 0, 1);
  if (!numbers.ok()) return numbers.status();
  return numbers->empty() ? 0 : numbers->front();
}

absl::StatusOr<std::string> DescribeItems(const DocumentView& view, int64_t* newest) {
  const absl::StatusOr<std::optional<std::string>> format = CheckFormat(view);
  if (!format.ok()) return format.status();
  if (!format->has_value()) return Damaged("the store", "it is none of items");
  int64_t last = 0;
  bool is_whole = true;
  const absl::Status scanned = view.Scan({.prefix = std::string(kChangePrefix)},
                                         [&](std::string_view key, std::string_view) {
                                           is_whole = NumberOf(key) == ++last;
                                           return is_whole;
                                         });
  if (!scanned.ok()) return scanned;
  if (!is_whole) return Damaged(absl::StrFormat("change %d", last), "it is gone");
  *newest = last;
  return absl::StrFormat("changes %d", last);
}

absl::StatusOr<std::optional<std::string>> CheckFormat(const DocumentView& view) {
  absl::StatusOr<std::optional<std::string>> format = view.Get(kItemsFormatKey);
  if (!format.ok() || format->value_or(std::string(kItemsFormat)) == kItemsFormat) return format;
  return absl::FailedPreconditionError(absl::StrFormat(
      "the store is of the format `%s`, and this version reads `%s`; run the version that "
      "wrote it",
      **format, kItemsFormat));
}

absl::StatusOr<std::optional<Item>> FindNewest(const DocumentView& view, const ItemId& id) {
  absl::StatusOr<std::optional<std::string>> record = view.Get(ItemKey(id));
  if (!record.ok()) return record.status();
  if (!record->has_value()) return std::nullopt;
  return ReadVersion(id, **record);
}

absl::StatusOr<std::optional<Item>> FindVersion(const DocumentView& view, const ItemId& id,
                                                int64_t number) {
  absl::StatusOr<std::optional<std::string>> record =
      view.Get(NumberedKey(VersionsPrefix(id), number));
  if (!record.ok()) return record.status();
  if (!record->has_value()) {
    return Damaged(id.ToString(), absl::StrFormat("version %d is gone", number));
  }
  return ReadVersion(id, **record);
}

absl::StatusOr<std::vector<Item>> ListItems(const DocumentView& view, std::string_view service,
                                            std::optional<ItemKind> kind) {
  std::vector<Item> items;
  absl::Status damage;
  const absl::Status scanned = view.Scan(
      {.prefix = ItemsPrefix(service, kind)}, [&](std::string_view, std::string_view record) {
        absl::StatusOr<Change> change = ReadChange(record);
        if (!change.ok() || change->edits.size() != 1 || !change->edits[0].content) {
          damage = Damaged("an item", "its record can't be read");
          return false;
        }
        DoneEdit& edit = change->edits[0];
        if (kind && edit.id.kind != *kind) return true;
        items.push_back({.id = std::move(edit.id),
                         .content = *std::move(edit.content),
                         .version = change->number});
        return true;
      });
  if (!scanned.ok()) return scanned;
  if (!damage.ok()) return damage;
  return items;
}

absl::StatusOr<Change> FindWholeChange(const DocumentView& view, int64_t number) {
  absl::StatusOr<Change> change = FindBareChange(view, number);
  if (!change.ok()) return change;
  for (DoneEdit& edit : change->edits) {
    absl::StatusOr<std::optional<Item>> item = FindVersion(view, edit.id, number);
    if (!item.ok()) return item.status();
    if (item->has_value()) edit.content = std::move((*item)->content);
  }
  for (Rewrapped& one : change->rewrapped) {
    absl::StatusOr<std::optional<Item>> item = FindVersion(view, one.id, one.version);
    if (!item.ok()) return item.status();
    if (item->has_value()) one.text = std::move((*item)->content.text);
  }
  return change;
}

absl::StatusOr<std::vector<int64_t>> NumbersBefore(const DocumentView& view,
                                                   const std::string& prefix, int64_t before,
                                                   size_t limit) {
  std::vector<int64_t> numbers;
  const absl::Status scanned =
      view.Scan({.prefix = prefix,
                 .from = before > 0 ? NumberedKey(prefix, before) : std::string(),
                 .is_backwards = true,
                 .limit = limit},
                [&](std::string_view key, std::string_view) {
                  numbers.push_back(NumberOf(key));
                  return true;
                });
  if (!scanned.ok()) return scanned;
  return numbers;
}

absl::StatusOr<std::vector<ChangeSummary>> Summarize(
    const DocumentView& view, const absl::StatusOr<std::vector<int64_t>>& numbers) {
  if (!numbers.ok()) return numbers.status();
  std::vector<ChangeSummary> summaries;
  for (const int64_t number : *numbers) {
    absl::StatusOr<Change> change = FindBareChange(view, number);
    if (absl::IsNotFound(change.status())) {
      return Damaged(absl::StrFormat("change %d", number), "it is gone");
    }
    if (!change.ok()) return change.status();
    ChangeSummary& summary =
        summaries.emplace_back(ChangeSummary{.number = number,
                                             .at_ms = change->at_ms,
                                             .by = std::move(change->by),
                                             .why = std::move(change->why),
                                             .approved_by = std::move(change->approved_by),
                                             .reverts = change->reverts});
    for (DoneEdit& edit : change->edits) summary.items.push_back(std::move(edit.id));
  }
  return summaries;
}

}  // namespace turnout::manager

#include "deploy/manager/sealed_items.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/item_keys.h"
#include "state/envelope.h"

namespace turnout::manager {
namespace {

using state::DocumentView;

absl::StatusOr<Change> ReadRecord(std::string_view record) {
  absl::StatusOr<Change> change = ReadChange(record);
  if (change.ok() && change->edits.size() == 1) return change;
  return absl::DataLossError("a version of a secret can't be read; restore a backup");
}

// Every version of every secret that there is; until `visit` answers false.
absl::Status VisitSecrets(
    const DocumentView& view,
    absl::FunctionRef<bool(const ItemId& id, int64_t version, const std::string& sealed)> visit) {
  std::vector<std::string> services;
  absl::Status status = view.Scan({.prefix = std::string(kServicePrefix)},
                                  [&](std::string_view key, std::string_view) {
                                    services.emplace_back(key.substr(kServicePrefix.size()));
                                    return true;
                                  });
  bool goes_on = true;
  for (const std::string& service : services) {
    absl::Status damage;
    if (!status.ok() || !goes_on) return status;
    status = view.Scan({.prefix = VersionsPrefix(service, ItemKind::kSecret)},
                       [&](std::string_view, std::string_view record) {
                         const absl::StatusOr<Change> change = ReadRecord(record);
                         damage = change.status();
                         if (!change.ok()) return false;
                         const DoneEdit& edit = change->edits[0];
                         if (edit.content) {
                           goes_on = visit(edit.id, change->number, edit.content->text);
                         }
                         return goes_on;
                       });
    if (!damage.ok()) return damage;
  }
  return status;
}

// The record with another text; nullopt: there is none, or of another version.
absl::StatusOr<std::optional<std::string>> Replaced(const DocumentView& view,
                                                    const std::string& key, const Rewrapped& by) {
  const absl::StatusOr<std::optional<std::string>> record = view.Get(key);
  if (!record.ok()) return record.status();
  if (!record->has_value()) return std::nullopt;
  absl::StatusOr<Change> change = ReadRecord(**record);
  if (!change.ok()) return change.status();
  DoneEdit& edit = change->edits[0];
  if (change->number != by.version || !edit.content) return std::nullopt;
  edit.content->text = by.text;
  return ToJson(*change);
}

}  // namespace

absl::StatusOr<SealedCounts> CountSealed(const DocumentView& view) {
  SealedCounts counts;
  const absl::Status visited =
      VisitSecrets(view, [&](const ItemId&, int64_t, const std::string& sealed) {
        ++counts[state::SealedKeyId(sealed)];
        return true;
      });
  if (!visited.ok()) return visited;
  return counts;
}

absl::StatusOr<std::vector<Rewrapped>> PlanRewrap(const DocumentView& view, RewrapText rewrap) {
  std::vector<Rewrapped> planned;
  const absl::Status visited =
      VisitSecrets(view, [&](const ItemId& id, int64_t version, const std::string& sealed) {
        absl::StatusOr<std::string> text = rewrap(sealed);
        if (text.ok() && *text != sealed) planned.push_back({id, version, *std::move(text)});
        return planned.size() < kRewrappedMax;
      });
  if (!visited.ok()) return visited;
  return planned;
}

absl::Status AddRewrapped(const DocumentView& view, const Change& change,
                          std::vector<state::DocumentChange>* batch) {
  for (const Rewrapped& one : change.rewrapped) {
    const std::string version_key = NumberedKey(VersionsPrefix(one.id), one.version);
    for (const std::string& key : {version_key, ItemKey(one.id)}) {
      absl::StatusOr<std::optional<std::string>> record = Replaced(view, key, one);
      if (!record.ok()) return record.status();
      if (record->has_value()) batch->push_back({key, **std::move(record)});
    }
  }
  return absl::OkStatus();
}

Change WithSealedParts(Change change) {
  for (DoneEdit& edit : change.edits) {
    if (edit.id.kind == ItemKind::kSecret && edit.content) {
      edit.content->text = state::SealedPart(edit.content->text);
    }
  }
  for (Rewrapped& one : change.rewrapped) one.text = state::SealedPart(one.text);
  return change;
}

}  // namespace turnout::manager

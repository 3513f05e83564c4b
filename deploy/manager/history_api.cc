// Calls about what items and services were, and about going back.
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/item_json.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/publish.h"
#include "deploy/manager/sent_item.h"
#include "deploy/manager/unified_diff.h"

namespace turnout::manager {
namespace {

absl::StatusOr<int64_t> PathNumber(const Call& call) {
  int64_t number = 0;
  if (absl::SimpleAtoi(call.id, &number) && number > 0) return number;
  return absl::InvalidArgumentError("the path's number is to be one from 1 on");
}

// A page of a history: `before` and `limit` of the query.
struct Page {
  int64_t before = 0;
  size_t limit = kListDefault;
};

absl::StatusOr<Page> AskedPage(const Call& call) {
  const absl::StatusOr<int64_t> before = QueryNumber(call, "before", 0, INT64_MAX);
  const absl::StatusOr<int64_t> limit =
      QueryNumber(call, "limit", kListDefault, static_cast<int64_t>(kListMax));
  if (!before.ok()) return before.status();
  if (!limit.ok()) return limit.status();
  return Page{*before, static_cast<size_t>(*limit)};
}

HttpAnswer Changes(const absl::StatusOr<std::vector<ChangeSummary>>& history) {
  if (!history.ok()) return ErrorAnswer(history.status());
  return JsonAnswer(200, JsonObject().Json("changes", JsonArray(*history, SummaryToJson)).Done());
}

// Content of the item as of that change; none where there was none.
absl::StatusOr<std::optional<Item>> ItemAt(const Parts& parts, const ItemId& id, int64_t change) {
  if (change > parts.store->newest()) {
    return absl::NotFoundError(absl::StrFormat("there is no change %d", change));
  }
  return parts.store->GetAt(id, change);
}

// Whether all of the change is of the call's service; others' are none of its business.
bool IsOfService(const Change& change, const std::string& service) {
  for (const DoneEdit& edit : change.edits) {
    if (edit.id.service != service) return false;
  }
  return true;
}

absl::StatusOr<Change> PathChange(const Parts& parts, const Call& call) {
  const absl::StatusOr<int64_t> number = PathNumber(call);
  if (!number.ok()) return number.status();
  absl::StatusOr<Change> change = parts.store->FindChange(*number);
  if (change.ok() && !IsOfService(*change, call.service)) {
    return absl::NotFoundError(absl::StrFormat("%s has no change %d", call.service, *number));
  }
  return change;
}

}  // namespace

std::optional<HttpAnswer> ListVersions(Parts& parts, const Call& call) {
  const absl::StatusOr<ItemId> id = PathItem(call);
  if (!id.ok()) return ErrorAnswer(id.status());
  const absl::StatusOr<Page> page = AskedPage(call);
  if (!page.ok()) return ErrorAnswer(page.status());
  return Changes(parts.store->HistoryOf(*id, page->before, page->limit));
}

std::optional<HttpAnswer> GetVersion(Parts& parts, const Call& call) {
  const absl::StatusOr<ItemId> id = PathItem(call);
  if (!id.ok()) return ErrorAnswer(id.status());
  const absl::StatusOr<int64_t> number = PathNumber(call);
  if (!number.ok()) return ErrorAnswer(number.status());
  const absl::StatusOr<std::optional<Item>> item = ItemAt(parts, *id, *number);
  if (!item.ok()) return ErrorAnswer(item.status());
  if (!item->has_value()) {
    return ErrorAnswer(404, absl::StrFormat("there was no %s as of %d", id->ToString(), *number));
  }
  return JsonAnswer(200, ItemToJson(**item, ShowTexts::kYes));
}

std::optional<HttpAnswer> DiffVersions(Parts& parts, const Call& call) {
  const absl::StatusOr<ItemId> id = PathItem(call);
  if (!id.ok()) return ErrorAnswer(id.status());
  const int64_t newest = parts.store->newest();
  const absl::StatusOr<int64_t> from = QueryNumber(call, "from", 0, INT64_MAX);
  const absl::StatusOr<int64_t> to = QueryNumber(call, "to", newest, INT64_MAX);
  if (!from.ok()) return ErrorAnswer(from.status());
  if (!to.ok()) return ErrorAnswer(to.status());
  std::optional<ItemContent> contents[2];
  for (const auto& [at, content] : {std::pair(*from, &contents[0]), std::pair(*to, &contents[1])}) {
    if (at == 0) continue;  // before there was anything
    const absl::StatusOr<std::optional<Item>> item = ItemAt(parts, *id, at);
    if (!item.ok()) return ErrorAnswer(item.status());
    if (item->has_value()) *content = (*item)->content;
  }
  return JsonAnswer(200, JsonObject()
                             .Text("id", id->ToString())
                             .Number("from", *from)
                             .Number("to", *to)
                             .Text("diff", ItemDiff(*id, contents[0] ? &*contents[0] : nullptr,
                                                    contents[1] ? &*contents[1] : nullptr))
                             .Done());
}

std::optional<HttpAnswer> RestoreVersion(Parts& parts, const Call& call) {
  const absl::StatusOr<ItemId> id = PathItem(call);
  if (!id.ok()) return ErrorAnswer(id.status());
  const absl::StatusOr<std::optional<int64_t>> expected = ExpectedVersion(parts, call, *id);
  if (!expected.ok()) return NotAsExpected(expected.status());
  JsonReader body(call.request->body, "the body");
  body.Only({"version", "why"});
  const int64_t version = body.Number("version", 0, 1, INT64_MAX);
  const std::string why = body.Text("why", absl::StrCat("restore version ", version));
  if (!body.Has("version")) return ErrorAnswer(400, "the body: `version` is to be there");
  if (!body.status().ok()) return ErrorAnswer(body.status());
  const absl::StatusOr<std::optional<Item>> then = ItemAt(parts, *id, version);
  if (!then.ok()) return ErrorAnswer(then.status());
  if (!then->has_value()) {
    return ErrorAnswer(404, absl::StrFormat("there was no %s as of %d", id->ToString(), version));
  }
  return Publish(parts, call,
                 {.edits = {{*id, (*then)->content, *expected}},
                  .why = why,
                  .is_dry_run = QueryFlag(call, "dry_run"),
                  .conflict_status = 412});
}

std::optional<HttpAnswer> ListChanges(Parts& parts, const Call& call) {
  const absl::StatusOr<Page> page = AskedPage(call);
  if (!page.ok()) return ErrorAnswer(page.status());
  return Changes(parts.store->HistoryOfService(call.service, page->before, page->limit));
}

std::optional<HttpAnswer> GetChange(Parts& parts, const Call& call) {
  const absl::StatusOr<Change> change = PathChange(parts, call);
  if (!change.ok()) return ErrorAnswer(change.status());
  return JsonAnswer(200, ChangeToJson(*change));
}

std::optional<HttpAnswer> RevertChange(Parts& parts, const Call& call) {
  JsonReader body(call.request->body, "the body");
  body.Only({"why"});
  const std::string why = body.Text("why", "");
  if (!body.status().ok()) return ErrorAnswer(body.status());
  const absl::StatusOr<Change> change = PathChange(parts, call);
  if (!change.ok()) return ErrorAnswer(change.status());
  std::vector<Conflict> conflicts;
  absl::StatusOr<ChangeRequest> undoing = parts.store->Undoing(change->number, &conflicts);
  if (absl::IsAborted(undoing.status())) {
    return ConflictAnswer(409, MessageOf(undoing.status()), conflicts, {});
  }
  if (!undoing.ok()) return ErrorAnswer(undoing.status());
  return Publish(parts, call,
                 {.edits = std::move(undoing->edits),
                  .why = why.empty() ? absl::StrCat("undo change ", change->number) : why,
                  .reverts = change->number,
                  .is_dry_run = QueryFlag(call, "dry_run")});
}

}  // namespace turnout::manager

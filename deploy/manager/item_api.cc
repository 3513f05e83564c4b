// Calls about items as they are now, and the release of secrets.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/item_json.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/publish.h"
#include "deploy/manager/sent_item.h"

namespace turnout::manager {
namespace {

HttpAnswer NoItem(const ItemId& id) {
  return ErrorAnswer(404, absl::StrCat("there is no ", id.ToString()));
}

// 400, or 503 where it is the manager that lacks something.
HttpAnswer Unusable(const absl::Status& status) {
  return status.code() == absl::StatusCode::kFailedPrecondition
             ? ErrorAnswer(503, MessageOf(status))
             : ErrorAnswer(status);
}

// With the ETag of what was published; 201 where there was nothing before.
HttpAnswer WithEtag(const Published& published, bool was_there, HttpAnswer answer) {
  if (answer.status != 200 || published.versions.empty()) return answer;
  answer.headers.emplace_back("ETag", EtagOf(published.versions[0]));
  if (!was_there) answer.status = 201;
  return answer;
}

}  // namespace

std::optional<HttpAnswer> ListItems(Parts& parts, const Call& call) {
  std::optional<ItemKind> kind;
  if (const auto asked = call.query.find("kind"); asked != call.query.end()) {
    const absl::StatusOr<ItemKind> read = ReadItemKind(asked->second);
    if (!read.ok()) return ErrorAnswer(read.status());
    kind = *read;
  }
  const absl::StatusOr<std::vector<Item>> items = parts.store->List(call.service, kind);
  if (!items.ok()) return ErrorAnswer(items.status());
  const ShowTexts texts = QueryFlag(call, "texts") ? ShowTexts::kYes : ShowTexts::kNo;
  return JsonAnswer(
      200,
      JsonObject()
          .Json("items",
                JsonArray(*items, [texts](const Item& item) { return ItemToJson(item, texts); }))
          .Done());
}

std::optional<HttpAnswer> GetItem(Parts& parts, const Call& call) {
  const absl::StatusOr<ItemId> id = PathItem(call);
  if (!id.ok()) return ErrorAnswer(id.status());
  const bool is_routers = id->kind == ItemKind::kPipeline || id->kind == ItemKind::kConfig;
  if (call.principal.kind == PrincipalKind::kRouter && !is_routers) {
    return ErrorAnswer(403, absl::StrCat(call.principal.name,
                                         " is a router: it reads pipelines and config values"));
  }
  const absl::StatusOr<std::optional<Item>> item = parts.store->Get(*id);
  if (!item.ok()) return ErrorAnswer(item.status());
  if (!item->has_value()) return NoItem(*id);
  const std::string etag = EtagOf((*item)->version);
  const auto known = call.request->Header("if-none-match");
  if (known == etag || known == "*") {
    return HttpAnswer{.status = 304, .headers = {{"ETag", etag}}};
  }
  HttpAnswer answer = JsonAnswer(200, ItemToJson(**item, ShowTexts::kYes));
  answer.headers.emplace_back("ETag", etag);
  return answer;
}

std::optional<HttpAnswer> PutItem(Parts& parts, const Call& call) {
  const absl::StatusOr<ItemId> id = PathItem(call);
  if (!id.ok()) return ErrorAnswer(id.status());
  const absl::StatusOr<std::optional<int64_t>> expected = ExpectedVersion(parts, call, *id);
  if (!expected.ok()) return NotAsExpected(expected.status());
  JsonReader body(call.request->body, "the body");
  body.Only({"text", "type", "bound_to", "why"});
  Publication publication{.why = body.Text("why", ""),
                          .is_dry_run = QueryFlag(call, "dry_run"),
                          .conflict_status = 412};
  absl::StatusOr<ItemContent> content = SentContent(parts, call, *id, &body);
  if (!content.ok()) return Unusable(content.status());
  const absl::StatusOr<std::optional<Item>> before = parts.store->Get(*id);
  if (!before.ok()) return ErrorAnswer(before.status());
  publication.edits = {{*id, *std::move(content), *expected}};
  Published published;
  HttpAnswer answer = Publish(parts, call, std::move(publication), &published);
  return WithEtag(published, before->has_value(), std::move(answer));
}

std::optional<HttpAnswer> DeleteItem(Parts& parts, const Call& call) {
  const absl::StatusOr<ItemId> id = PathItem(call);
  if (!id.ok()) return ErrorAnswer(id.status());
  const absl::StatusOr<std::optional<int64_t>> expected = ExpectedVersion(parts, call, *id);
  if (!expected.ok()) return NotAsExpected(expected.status());
  const auto why = call.query.find("why");
  return Publish(parts, call,
                 {.edits = {{*id, std::nullopt, *expected}},
                  .why = why == call.query.end() ? "" : why->second,
                  .is_dry_run = QueryFlag(call, "dry_run"),
                  .conflict_status = 412});
}

std::optional<HttpAnswer> ReleaseSecret(Parts& parts, const Call& call) {
  const absl::StatusOr<ItemId> id = ReadItemId(absl::StrCat(call.service, "/secret/", call.name));
  if (!id.ok()) return ErrorAnswer(id.status());
  const absl::StatusOr<std::optional<Item>> item = parts.store->Get(*id);
  if (!item.ok()) return ErrorAnswer(item.status());
  if (!item->has_value()) return NoItem(*id);
  const std::vector<std::string>& bound = (*item)->content.bound_to;
  // Roles don't count: an admin is not shown it either.
  if (!std::binary_search(bound.begin(), bound.end(), call.principal.name)) {
    return ErrorAnswer(403, absl::StrFormat("%s is not bound to %s: have it put with that account "
                                            "in `bound_to`",
                                            id->ToString(), call.principal.name));
  }
  if (parts.keys == nullptr) {
    return ErrorAnswer(503,
                       "there is no master key to open secrets with: start the manager with "
                       "`master_keys`");
  }
  absl::StatusOr<state::SecretText> opened =
      parts.keys->Current()->Open((*item)->content.text, id->ToString());
  if (!opened.ok()) return ErrorAnswer(opened.status());
  // Nothing is given that is not on record.
  if (!Audit(
          parts, call,
          {.item = id->ToString(), .outcome = "done", .status = 200, .change = (*item)->version})) {
    return ErrorAnswer(503, "the audit log can't be written, so no secret is released");
  }
  return JsonAnswer(200, JsonObject()
                             .Text("id", id->ToString())
                             .Number("version", (*item)->version)
                             .Text("text", opened->view())
                             .Done());
}

}  // namespace turnout::manager

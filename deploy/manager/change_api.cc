// Calls that change many items at once: a set of edits, search and replace.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/item_json.h"
#include "deploy/manager/item_search.h"
#include "deploy/manager/publish.h"
#include "deploy/manager/sent_item.h"

namespace turnout::manager {
namespace {

constexpr std::array<std::string_view, 4> kInNames = {"names", "texts", "patterns", "destinations"};

absl::StatusOr<Edit> ReadEdit(const Parts& parts, const Call& call, JsonReader* object) {
  object->Only({"id", "text", "type", "bound_to", "delete", "version"});
  const std::string named = object->Text("id");
  const bool is_deleted = object->Flag("delete", false);
  if (!object->status().ok()) return object->status();
  const absl::StatusOr<ItemId> id = NamedItem(call, named);
  if (!id.ok()) return id.status();
  Edit edit{.id = *id};
  if (object->Has("version")) edit.expected = object->Number("version", 0, 0, INT64_MAX);
  if (!is_deleted) {
    absl::StatusOr<ItemContent> content = SentContent(parts, call, *id, object);
    if (!content.ok()) return content.status();
    edit.content = *std::move(content);
  } else if (object->Has("text")) {
    return absl::InvalidArgumentError(
        absl::StrCat(id->ToString(), ": `delete` and `text` can't both be there"));
  }
  if (!object->status().ok()) return object->status();
  return edit;
}

absl::StatusOr<SearchQuery> ReadSearch(JsonReader* body) {
  SearchQuery query{.text = body->Text("text"),
                    .is_regex = body->Flag("regex", false),
                    .is_whole = body->Flag("whole", false),
                    .ignores_case = body->Flag("ignore_case", false),
                    .team = body->Text("team", "")};
  for (const std::string& in : body->Texts("in", kInNames.size())) {
    const auto* const found = std::find(kInNames.begin(), kInNames.end(), in);
    if (found == kInNames.end()) {
      return absl::InvalidArgumentError(
          "the body: `in` is to hold names, texts, patterns or destinations");
    }
    query.in.push_back(static_cast<SearchIn>(found - kInNames.begin()));
  }
  for (const std::string& kind : body->Texts("kinds", kItemKindNames.size())) {
    const absl::StatusOr<ItemKind> read = ReadItemKind(kind);
    if (!read.ok()) return read.status();
    query.kinds.push_back(*read);
  }
  if (!body->status().ok()) return body->status();
  return query;
}

// That the edits are of the versions that were previewed, and of no others.
absl::Status CheckPreviewed(const std::vector<Edit>& edits,
                            const std::map<std::string, int64_t>& versions) {
  const bool is_same =
      edits.size() == versions.size() &&
      std::all_of(edits.begin(), edits.end(), [&versions](const Edit& edit) {
        const auto found = versions.find(edit.id.ToString());
        return found != versions.end() && found->second == edit.expected.value_or(0);
      });
  if (is_same) return absl::OkStatus();
  return absl::AbortedError(
      "what would be replaced is not what was previewed: look at the preview again");
}

}  // namespace

std::optional<HttpAnswer> PostChange(Parts& parts, const Call& call) {
  JsonReader body(call.request->body, "the body");
  body.Only({"why", "edits"});
  Publication publication{.why = body.Text("why", ""), .is_dry_run = QueryFlag(call, "dry_run")};
  std::set<ItemId> named;
  for (JsonReader& object : body.Objects("edits", kEditsPerChangeMax)) {
    absl::StatusOr<Edit> edit = ReadEdit(parts, call, &object);
    if (absl::IsFailedPrecondition(edit.status()))
      return ErrorAnswer(503, MessageOf(edit.status()));
    if (!edit.ok()) return ErrorAnswer(edit.status());
    if (!named.insert(edit->id).second) {
      return ErrorAnswer(400, absl::StrCat(edit->id.ToString(), " is there twice"));
    }
    publication.edits.push_back(*std::move(edit));
  }
  if (!body.status().ok()) return ErrorAnswer(body.status());
  if (publication.edits.empty()) return ErrorAnswer(400, "the body: `edits` holds none");
  return Publish(parts, call, std::move(publication));
}

std::optional<HttpAnswer> PostSearch(Parts& parts, const Call& call) {
  JsonReader body(call.request->body, "the body");
  body.Only({"text", "regex", "whole", "ignore_case", "in", "kinds", "team", "limit"});
  const int64_t limit = body.Number("limit", kListDefault, 1, static_cast<int64_t>(kSearchHitsMax));
  const absl::StatusOr<SearchQuery> query = ReadSearch(&body);
  if (!query.ok()) return ErrorAnswer(query.status());
  const absl::StatusOr<std::vector<Item>> items = parts.store->List(call.service, std::nullopt);
  if (!items.ok()) return ErrorAnswer(items.status());
  const absl::StatusOr<SearchResult> result =
      Search(*items, *query, static_cast<size_t>(limit), &parts.search_cache);
  if (!result.ok()) return ErrorAnswer(result.status());
  return JsonAnswer(200, SearchToJson(*result));
}

std::optional<HttpAnswer> PostReplace(Parts& parts, const Call& call) {
  JsonReader body(call.request->body, "the body");
  body.Only({"text", "regex", "whole", "ignore_case", "in", "kinds", "team", "replacement", "why",
             "versions"});
  const std::string replacement = body.Text("replacement");
  Publication publication{.why = body.Text("why", ""), .is_dry_run = QueryFlag(call, "dry_run")};
  const std::map<std::string, int64_t> versions = body.Numbers("versions", kEditsPerChangeMax);
  const absl::StatusOr<SearchQuery> query = ReadSearch(&body);
  if (!query.ok()) return ErrorAnswer(query.status());
  if (!publication.is_dry_run && !body.Has("versions")) {
    return ErrorAnswer(400,
                       "the body: `versions` is to be there, of the items as `?dry_run` showed "
                       "them");
  }
  const absl::StatusOr<std::vector<Item>> items = parts.store->List(call.service, std::nullopt);
  if (!items.ok()) return ErrorAnswer(items.status());
  absl::StatusOr<std::vector<Edit>> edits = Replace(*items, *query, replacement);
  if (!edits.ok()) return ErrorAnswer(edits.status());
  publication.edits = *std::move(edits);
  if (!publication.is_dry_run) {
    if (const absl::Status same = CheckPreviewed(publication.edits, versions); !same.ok()) {
      return ErrorAnswer(same);
    }
  }
  return Publish(parts, call, std::move(publication));
}

}  // namespace turnout::manager

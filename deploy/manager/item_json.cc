#include "deploy/manager/item_json.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "deploy/manager/access.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/unified_diff.h"
#include "runtime/log.h"
#include "state/envelope.h"

namespace turnout::manager {
namespace {

constexpr std::array<std::string_view, 5> kEffectNames = {"added", "removed", "widened", "narrowed",
                                                          "changed"};
constexpr std::array<std::string_view, 4> kSearchInNames = {"names", "texts", "patterns",
                                                            "destinations"};

std::string Shown(int64_t at_ms) {
  return absl::FormatTime(kApiTimeFormat, absl::FromUnixMillis(at_ms), absl::UTCTimeZone());
}

void AddContent(const ItemId& id, const ItemContent& content, ShowTexts texts, JsonObject* json) {
  if (id.kind == ItemKind::kSecret) {
    json->Text("key", state::SealedKeyId(content.text))
        .Json("bound_to", JsonTexts(content.bound_to));
    return;
  }
  if (id.kind == ItemKind::kConfig) json->Text("type", content.type);
  if (texts == ShowTexts::kYes) json->Text("text", content.text);
}

std::string ContentToJson(const ItemId& id, const std::optional<ItemContent>& content) {
  if (!content.has_value()) return "null";
  JsonObject json;
  AddContent(id, *content, ShowTexts::kYes, &json);
  return json.Done();
}

}  // namespace

std::string EtagOf(int64_t version) { return absl::StrCat("\"", version, "\""); }

std::string ItemToJson(const Item& item, ShowTexts texts) {
  JsonObject json;
  json.Text("id", item.id.ToString())
      .Text("service", item.id.service)
      .Text("kind", KindName(item.id.kind))
      .Text("name", item.id.name)
      .Number("version", item.version);
  if (const std::string team = TeamOf(item.id); !team.empty()) json.Text("team", team);
  AddContent(item.id, item.content, texts, &json);
  return json.Done();
}

std::string SummaryToJson(const ChangeSummary& summary) {
  JsonObject json;
  json.Number("number", summary.number)
      .Text("at", Shown(summary.at_ms))
      .Text("by", summary.by)
      .Text("why", summary.why)
      .Json("approved_by", JsonTexts(summary.approved_by))
      .Json("items", JsonArray(summary.items, [](const ItemId& id) {
              return runtime::JsonString(id.ToString());
            }));
  if (summary.reverts) json.Number("reverts", *summary.reverts);
  return json.Done();
}

std::string ChangeToJson(const Change& change) {
  JsonObject json;
  json.Number("number", change.number)
      .Text("at", Shown(change.at_ms))
      .Text("by", change.by)
      .Text("why", change.why)
      .Json("approved_by", JsonTexts(change.approved_by));
  if (change.reverts) json.Number("reverts", *change.reverts);
  json.Json("edits", JsonArray(change.edits, [](const DoneEdit& edit) {
              return JsonObject()
                  .Text("id", edit.id.ToString())
                  .Number("before", edit.before)
                  .Json("content", ContentToJson(edit.id, edit.content))
                  .Done();
            }));
  return json.Done();
}

std::string ReportToJson(const PublishReport& report) {
  const auto problem_to_json = [](const ItemProblem& problem) {
    JsonObject json;
    json.Text("id", problem.id.ToString());
    if (problem.line > 0) {
      json.Number("line", static_cast<int64_t>(problem.line))
          .Number("column", static_cast<int64_t>(problem.column));
    }
    if (!problem.rule.empty()) json.Text("rule", problem.rule);
    return json.Text("text", runtime::WithoutSecrets(problem.text)).Done();
  };
  return JsonObject()
      .Flag("ok", report.ok())
      .Json("problems", JsonArray(report.problems, problem_to_json))
      .Json("rules", JsonArray(report.rules,
                               [](const RuleChange& rule) {
                                 return JsonObject()
                                     .Text("rule", rule.rule)
                                     .Text("effect", kEffectNames[static_cast<size_t>(rule.effect)])
                                     .Json("parts", JsonTexts(rule.parts))
                                     .Done();
                               }))
      .Json("tests", JsonArray(report.tests,
                               [](const TestResult& test) {
                                 return JsonObject()
                                     .Text("id", test.tests.ToString())
                                     .Text("name", test.name)
                                     .Number("line", static_cast<int64_t>(test.line))
                                     .Flag("passed", test.failures.empty())
                                     .Json("failures", JsonTexts(test.failures))
                                     .Done();
                               }))
      .Done();
}

std::string SearchToJson(const SearchResult& result) {
  return JsonObject()
      .Number("items", static_cast<int64_t>(result.items))
      .Flag("cut_off", result.is_cut_off)
      .Json("hits", JsonArray(result.hits,
                              [](const SearchHit& hit) {
                                JsonObject json;
                                json.Text("id", hit.id.ToString())
                                    .Text("in", kSearchInNames[static_cast<size_t>(hit.in)])
                                    .Number("line", static_cast<int64_t>(hit.line))
                                    .Text("excerpt", hit.excerpt)
                                    .Number("begin", static_cast<int64_t>(hit.begin))
                                    .Number("end", static_cast<int64_t>(hit.end));
                                if (!hit.rule.empty()) json.Text("rule", hit.rule);
                                return json.Done();
                              }))
      .Done();
}

std::string ConflictsToJson(const std::vector<Conflict>& conflicts,
                            const std::vector<Edit>& edits) {
  return JsonArray(conflicts, [&edits](const Conflict& conflict) {
    const auto edit = std::find_if(edits.begin(), edits.end(),
                                   [&](const Edit& one) { return one.id == conflict.item.id; });
    const bool is_there = conflict.item.version > 0;
    return JsonObject()
        .Text("id", conflict.item.id.ToString())
        .Number("expected", conflict.expected)
        .Json("theirs", is_there ? ItemToJson(conflict.item, ShowTexts::kYes) : "null")
        .Json("yours", edit == edits.end() ? "null" : ContentToJson(edit->id, edit->content))
        .Done();
  });
}

std::string EditToJson(const Edit& edit, const Item* before, ShowTexts texts) {
  const ItemContent* const old = before == nullptr ? nullptr : &before->content;
  const ItemContent* const now = edit.content.has_value() ? &*edit.content : nullptr;
  JsonObject json;
  json.Text("id", edit.id.ToString())
      .Number("version", before == nullptr ? 0 : before->version)
      .Flag("deleted", now == nullptr)
      .Text("diff", ItemDiff(edit.id, old, now));
  const bool is_shown =
      texts == ShowTexts::kYes && now != nullptr && edit.id.kind != ItemKind::kSecret;
  if (is_shown) json.Text("text", now->text);
  return json.Done();
}

}  // namespace turnout::manager

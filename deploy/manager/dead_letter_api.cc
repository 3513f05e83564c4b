// Calls about dead letters, as `turnout dlq` reads them.
//
// Whoever reads the service sees how many there are of which kind and rules, and where each lies.
// What comes of events is for editors of all teams that a letter names: reasons and destinations,
// and, where it is asked for, which goes to the audit log, keys, headers and values.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "deploy/manager/api.h"
#include "deploy/manager/json_writer.h"

namespace turnout::manager {
namespace {

using Json = nlohmann::json;

constexpr int64_t kLettersDefault = 50;
constexpr int64_t kLettersMax = 200;

absl::StatusOr<JobWish> FilterOf(const Call& call) {
  const auto asked = [&](std::string_view name) {
    const auto found = call.query.find(name);
    return found == call.query.end() ? std::string() : found->second;
  };
  std::string ignored;
  return ReadJobWish(JsonObject()
                         .Text("kind", "redrive")
                         .Text("rule", asked("rule"))
                         .Text("letter_kind", asked("kind"))
                         .Text("reason", asked("reason"))
                         .Text("since", asked("since"))
                         .Text("until", asked("until"))
                         .Flag("parking", QueryFlag(call, "parking"))
                         .Done(),
                     absl::Now(), &ignored);
}

// Who asks, apart from the call, which ends before the answer.
struct Reader {
  Principal principal;
  ServiceSettings settings;
  std::string service;
  bool has_payload = false;

  bool IsEditorOf(std::string_view team) const {
    return HasRole(principal, settings, service, team, Role::kEditor);
  }
  // "fraud/a,fraud/b"; without any it is of all teams, as what could not be read.
  bool IsEditorOfAll(const std::string& rules) const {
    if (rules.find('/') == std::string::npos) return IsEditorOf("");
    for (const absl::string_view rule : absl::StrSplit(rules, ',')) {
      const size_t slash = rule.find('/');
      if (slash == rule.npos || !IsEditorOf({rule.data(), slash})) return false;
    }
    return true;
  }
};

HttpAnswer LettersAnswer(const Reader& reader, const std::string& out, const char* name) {
  std::string letters = "[";
  for (const absl::string_view line : absl::StrSplit(out, '\n', absl::SkipEmpty())) {
    Json letter = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    if (!letter.is_object()) return ErrorAnswer(503, "a dead letter came that can't be read");
    const auto rules = letter.find("rules");
    const bool is_whole = rules != letter.end() && rules->is_string() &&
                          reader.IsEditorOfAll(rules->get_ref<const std::string&>());
    const bool has_payload = is_whole && reader.has_payload;
    for (const char* of_event : {"reason", "destination"}) {
      if (!is_whole) letter.erase(of_event);
    }
    for (const char* of_event : {"key", "headers", "value"}) {
      if (!has_payload) letter.erase(of_event);
    }
    if (letters.size() > 1) letters += ',';
    letters += letter.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return JsonAnswer(200, JsonObject().Json(name, letters + "]").Done());
}

}  // namespace

std::optional<HttpAnswer> ListDeadLetters(Parts& parts, const Call& call) {
  const absl::StatusOr<JobWish> filter = FilterOf(call);
  if (!filter.ok()) return ErrorAnswer(filter.status());
  const absl::StatusOr<int64_t> limit = QueryNumber(call, "limit", kLettersDefault, kLettersMax);
  if (!limit.ok()) return ErrorAnswer(limit.status());
  const auto place = parts.job_places.find(call.service);
  if (place == parts.job_places.end()) {
    return ErrorAnswer(404, "no pipeline is named for this service in the manager's config");
  }
  const bool is_list = QueryFlag(call, "list");
  const Reader reader = {call.principal, call.settings, call.service, QueryFlag(call, "payload")};
  // Whoever could ask for a part of a reason could find out all of it.
  const bool asks_of_events = reader.has_payload || !filter->reason.empty();
  if (asks_of_events && !reader.IsEditorOf(filter->team())) {
    return ErrorAnswer(403, "what events say is for editors of the rule's team, or of all teams");
  }
  if (reader.has_payload &&
      !Audit(parts, call,
             {.item = absl::StrCat(call.service, "/dead-letters"),
              .outcome = "done",
              .status = 200,
              .detail = absl::StrCat("payloads of ", filter->rule, " ", filter->letter_kind, " ",
                                     filter->reason)})) {
    return ErrorAnswer(503, "payloads are shown on record alone, and there can be none now");
  }
  return AskKafka(parts, call,
                  DeadLetterWords(place->second, *filter, is_list, std::max<int64_t>(*limit, 1)),
                  [reader, is_list](const QuestionResult& result) {
                    return LettersAnswer(reader, result.out, is_list ? "letters" : "groups");
                  });
}

}  // namespace turnout::manager

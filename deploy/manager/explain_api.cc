// The tester's call: an event, explained with the rules as they are published, or with a draft.
#include <string>

#include "deploy/manager/api.h"
#include "deploy/manager/item_json.h"
#include "deploy/manager/json_writer.h"

namespace turnout::manager {

std::optional<HttpAnswer> PostExplain(Parts& parts, const Call& call) {
  const absl::StatusOr<ExplainAnswer> answer = parts.explain.Explain(
      call.request->body, call.service, parts.feed->EtagOf(call.service),
      [&] { return parts.store->List(call.service, ItemKind::kRules); }, parts.limits,
      parts.state_settings);
  if (!answer.ok()) return ErrorAnswer(answer.status());
  // A draft that is being typed has problems most of the time: no refusal.
  if (answer->explanation.empty()) {
    return JsonAnswer(200,
                      JsonObject()
                          .Json("report", ReportToJson(PublishReport{.problems = answer->problems}))
                          .Done());
  }
  return JsonAnswer(200, JsonObject().Json("explanation", answer->explanation).Done());
}

}  // namespace turnout::manager

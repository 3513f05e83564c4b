#include "deploy/manager/onboarding_trial.h"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "deploy/manager/json_writer.h"
#include "nlohmann/json.hpp"
#include "router/explainer.h"
#include "router/rule_set.h"
#include "runtime/explained_event.h"

namespace turnout::manager {
namespace {

using Json = nlohmann::json;

// As routers show it: texts, and headers as a list.
std::optional<runtime::ExplainedEvent> EventOf(const Json& shown) {
  if (!shown.is_object() || !shown.contains("value") || !shown["value"].is_string()) {
    return std::nullopt;
  }
  runtime::ExplainedEvent event;
  event.value = shown["value"].get<std::string>();
  if (shown.contains("key") && shown["key"].is_string()) {
    event.key = shown["key"].get<std::string>();
  }
  if (!shown.contains("headers") || !shown["headers"].is_array()) return event;
  for (const Json& header : shown["headers"]) {
    if (header.contains("name") && header["name"].is_string() && header.contains("value") &&
        header["value"].is_string()) {
      event.headers.emplace_back(header["name"].get<std::string>(),
                                 header["value"].get<std::string>());
    }
  }
  return event;
}

}  // namespace

std::string TryOnSample(std::string_view sample, const router::Team& team,
                        const router::StateSettings& settings) {
  const Json answer = Json::parse(sample, nullptr, /*allow_exceptions=*/false);
  const bool is_one = answer.is_object() && answer.contains("state") && answer["state"].is_string();
  const std::string state = is_one ? answer["state"].get<std::string>() : "no_router";
  const bool has_note = is_one && answer.contains("note") && answer["note"].is_string();
  const Json events = is_one && answer.contains("events") ? answer["events"] : Json::array();
  std::map<std::string, int64_t> by_rule;
  for (const router::Rule& rule : team->rules) by_rule[team->team + "/" + rule.name] = 0;
  std::vector<std::string> examples;
  int64_t seen = 0;
  int64_t matched = 0;
  router::Explainer explainer(router::RuleSet::Build({team}, settings));
  for (const Json& shown : events) {
    const std::optional<runtime::ExplainedEvent> event = EventOf(shown);
    if (!event) continue;
    ++seen;
    std::vector<router::Header> headers;
    const router::Explanation explanation = explainer.JudgePatterns(event->View(&headers));
    bool matches = false;
    for (const auto& rule : explanation.rules) {
      if (!rule.matched) continue;
      matches = true;
      ++by_rule[rule.id];
    }
    if (!matches) continue;
    ++matched;
    if (examples.size() < kTrialExamplesMax) examples.push_back(shown.dump());
  }
  JsonObject told;
  told.Text("state", state)
      .Number("events", seen)
      .Number("matched", matched)
      .Json(
          "rules",
          JsonArray(
              by_rule,
              [](const auto& rule) {
                return JsonObject().Text("rule", rule.first).Number("matched", rule.second).Done();
              }))
      .Json("examples", JsonArray(examples, [](const std::string& one) { return one; }));
  if (has_note) told.Text("note", answer["note"].get<std::string>());
  return told.Done();
}

}  // namespace turnout::manager

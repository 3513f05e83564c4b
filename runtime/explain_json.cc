#include "runtime/explain_json.h"

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "runtime/json_text.h"
#include "runtime/record_headers.h"

namespace turnout::runtime {
namespace {

using router::EnrichDecision;
using router::Explanation;
using router::PatternFault;
using router::RuleExplanation;
using router::StepDecision;
using router::StepVerdict;

// A JSON object or array as it is written, member by member.
class JsonWriter {
 public:
  explicit JsonWriter(char close) : close_(close) { text_ += close == '}' ? '{' : '['; }

  // JSON as it is.
  JsonWriter& Raw(std::string_view name, std::string_view json) {
    if (text_.size() > 1) text_ += ',';
    if (!name.empty()) {
      AppendJsonString(name, &text_);
      text_ += ':';
    }
    text_ += json;
    return *this;
  }
  JsonWriter& Text(std::string_view name, std::string_view text) {
    return Raw(name, JsonString(text));
  }
  JsonWriter& TextOrNull(std::string_view name, const std::optional<std::string>& text) {
    return Raw(name, text ? JsonString(*text) : "null");
  }
  JsonWriter& Number(std::string_view name, int64_t number) {
    return Raw(name, absl::StrCat(number));
  }
  JsonWriter& Bool(std::string_view name, bool value) {
    return Raw(name, value ? "true" : "false");
  }
  JsonWriter& Time(std::string_view name, int64_t ms) { return Text(name, TimeText(ms)); }

  std::string Close() {
    text_ += close_;
    return std::move(text_);
  }

 private:
  const char close_;
  std::string text_;
};

JsonWriter Object() { return JsonWriter('}'); }
JsonWriter Array() { return JsonWriter(']'); }

std::string_view FaultName(PatternFault::Kind kind) {
  switch (kind) {
    case PatternFault::Kind::kAbsent:
      return "absent";
    case PatternFault::Kind::kValue:
      return "value";
    case PatternFault::Kind::kElements:
      return "elements";
    case PatternFault::Kind::kTooMany:
      return "too_many";
    case PatternFault::Kind::kUnreadable:
      return "unreadable";
  }
  return "";
}

std::string_view OutcomeName(EnrichDecision::Outcome outcome) {
  switch (outcome) {
    case EnrichDecision::Outcome::kFound:
      return "found";
    case EnrichDecision::Outcome::kMissing:
      return "missing";
    case EnrichDecision::Outcome::kNoKey:
      return "no_key";
    case EnrichDecision::Outcome::kUnavailable:
      return "unavailable";
  }
  return "";
}

std::string_view PolicyName(router::MissingPolicy policy) {
  switch (policy) {
    case router::MissingPolicy::kNull:
      return "null";
    case router::MissingPolicy::kDrop:
      return "drop";
    case router::MissingPolicy::kPark:
      return "park";
  }
  return "";
}

// The value as it stood there, but for what is left out of a long one.
std::string SeenJson(const router::SeenValue& seen) {
  switch (seen.kind) {
    case router::ValueKind::kNull:
      return "null";
    case router::ValueKind::kTrue:
      return "true";
    case router::ValueKind::kFalse:
      return "false";
    case router::ValueKind::kNumber:
      if (seen.bytes_left_out == 0) return seen.text;
      break;
    case router::ValueKind::kString:
      break;
  }
  if (seen.bytes_left_out == 0) return JsonString(seen.text);
  return JsonString(absl::StrCat(seen.text, "... and ", seen.bytes_left_out, " bytes more"));
}

std::string FaultJson(const PatternFault& fault) {
  JsonWriter json = Object();
  json.Text("why", FaultName(fault.kind));
  if (fault.kind == PatternFault::Kind::kUnreadable) return json.Close();
  JsonWriter seen = Array();
  for (const router::SeenValue& value : fault.seen) seen.Raw("", SeenJson(value));
  json.Text("field", fault.field);
  if (!fault.header.empty()) json.Text("header", fault.header);
  json.Raw("wanted", fault.wanted)
      .Raw("seen", seen.Close())
      .Number("values", static_cast<int64_t>(fault.values));
  if (!fault.together_with.empty()) {
    JsonWriter fields = Array();
    for (const std::string& field : fault.together_with) fields.Text("", field);
    json.Raw("together_with", fields.Close());
  }
  return json.Number("fields", static_cast<int64_t>(fault.fields))
      .Number("fields_failed", static_cast<int64_t>(fault.fields_failed))
      .Number("alternatives", static_cast<int64_t>(fault.branches))
      .Close();
}

std::string StepJson(const StepDecision& step) {
  JsonWriter json = Object();
  json.Text("step", router::StepName(step.kind))
      .Text("key_field", step.key_field)
      .Text("key", step.key)
      .Text("verdict", VerdictName(step));
  if (!step.reason.empty()) json.Text("reason", step.reason);
  if (step.kind == router::StepKind::kSample) {
    return json.Number("bucket", step.bucket).Number("passes_below", step.share).Close();
  }
  if (step.is_rekeyed) return json.Close();
  json.Bool("remembers_key", step.remembers_key);
  for (const router::StepFact& fact : step.facts) {
    if (fact.kind == router::StepFact::Kind::kTime) {
      json.Time(fact.name, fact.time_ms);
    } else {
      json.Raw(fact.name, absl::StrFormat("%.15g", fact.number));
    }
  }
  return json.Close();
}

std::string EnrichJson(const EnrichDecision& enrich) {
  JsonWriter json = Object();
  json.Text("table", enrich.table)
      .Text("key_field", enrich.key_field)
      .Text("key", enrich.key)
      .Text("outcome", OutcomeName(enrich.outcome))
      .Text("missing", PolicyName(enrich.missing));
  if (!enrich.reason.empty()) json.Text("reason", enrich.reason);
  return json.Close();
}

std::string OutputJson(const ExplainFrame& frame, const Explanation& explanation,
                       const router::ExplainedOutput& output) {
  JsonWriter headers = Array();
  for (const auto& [name, content] : HeadersOf(frame, explanation, output)) {
    headers.Raw("", Array().Text("", name).TextOrNull("", content).Close());
  }
  JsonWriter json = Object();
  json.Text("destination", output.destination)
      .Text("rules", output.rule_ids)
      .TextOrNull("key", output.key)
      .TextOrNull("value", output.value)
      .Raw("headers", headers.Close());
  if (output.window_end_ms) json.Time("window_end", *output.window_end_ms);
  return json.Close();
}

std::string RolloutJson(const ExplainFrame& frame, const Explanation& explanation,
                        const router::RolloutDecision& rollout) {
  JsonWriter shadowed = Array();
  for (const router::ExplainedOutput& output : rollout.shadowed) {
    shadowed.Raw("", OutputJson(frame, explanation, output));
  }
  return Object()
      .Text("mode", rollout.is_shadow ? "shadow" : "live")
      .Raw("percent", absl::StrFormat("%.15g", rollout.percent))
      .Bool("held_back", rollout.is_held_back)
      .Raw("shadowed", shadowed.Close())
      .Close();
}

std::string RuleJson(const ExplainFrame& frame, const Explanation& explanation,
                     const RuleExplanation& rule) {
  JsonWriter json = Object();
  json.Text("rule", rule.id).Bool("matched", rule.matched);
  if (!rule.matched) return json.Raw("failed", FaultJson(rule.fault)).Close();
  JsonWriter steps = Array();
  for (const StepDecision& step : rule.steps) steps.Raw("", StepJson(step));
  JsonWriter tables = Array();
  for (const EnrichDecision& enrich : rule.enrich) tables.Raw("", EnrichJson(enrich));
  JsonWriter outputs = Array();
  for (const size_t output : rule.outputs) outputs.Number("", static_cast<int64_t>(output));
  JsonWriter rejected = Array();
  for (const RuleExplanation::Rejected& rejection : rule.rejected) {
    rejected.Raw("", Object()
                         .Text("reason", rejection.reason)
                         .Text("to", rejection.park ? "parking" : "dead_letter")
                         .Close());
  }
  if (rule.rollout) json.Raw("rollout", RolloutJson(frame, explanation, *rule.rollout));
  return json.Raw("steps", steps.Close())
      .Raw("enrich", tables.Close())
      .Bool("shaped", rule.is_shaped)
      .Raw("outputs", outputs.Close())
      .Raw("rejected", rejected.Close())
      .Close();
}

std::string EventJson(const ExplainedEvent& event) {
  JsonWriter json = Object();
  if (!event.topic.empty()) json.Text("topic", event.topic);
  if (event.partition) json.Number("partition", *event.partition);
  if (event.offset) json.Number("offset", *event.offset);
  if (event.timestamp_ms >= 0) json.Time("timestamp", event.timestamp_ms);
  return json.Close();
}

std::string CloudEventJson(const Explanation& explanation) {
  using CloudEvent = router::CloudEvent;
  JsonWriter json = Object();
  if (explanation.mode == CloudEvent::Mode::kStructured) {
    return json.Text("mode", "structured").Close();
  }
  JsonWriter attributes = Array();
  for (const std::string& header : explanation.attribute_headers) attributes.Text("", header);
  return json.Text("mode", "binary")
      .Bool("read", explanation.reads_cloud_events)
      .Text("data", router::DataName(explanation.data))
      .Raw("attribute_headers", attributes.Close())
      .Close();
}

std::string_view StateName(const Explanation& explanation) {
  if (!explanation.keeps_state) return "none_needed";
  return explanation.has_state ? "asked" : "not_at_hand";
}

}  // namespace

std::string TimeText(int64_t ms) {
  // What is no time of the calendar's years is a limit of its own, not to be written as one.
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

std::string_view VerdictName(const StepDecision& step) {
  if (step.is_rekeyed) return "rekeyed";
  switch (step.verdict) {
    case StepVerdict::kPasses:
      return "passes";
    case StepVerdict::kStops:
      return "stops";
    case StepVerdict::kStopsLate:
      return "stops_late";
    case StepVerdict::kRejects:
      return "rejects";
    case StepVerdict::kIsFull:
      return "is_full";
    case StepVerdict::kCounts:
      return "counts";
    case StepVerdict::kSends:
      return "sends";
  }
  return "";
}

OutputHeaders HeadersOf(const ExplainFrame& frame, const Explanation& explanation,
                        const router::ExplainedOutput& output) {
  OutputHeaders headers;
  if (!output.window_end_ms) headers = frame.event.headers;
  if (!output.content_type.empty()) {
    std::erase_if(headers, [](const auto& one) { return router::IsOfCloudEvent(one.first); });
    headers.emplace_back(std::string(router::kContentTypeHeader), output.content_type);
  }
  if (!frame.provenance_headers) return headers;
  headers.emplace_back(std::string(kRulesHeader), output.rule_ids);
  headers.emplace_back(std::string(kRuleSetHeader), explanation.rule_set);
  if (frame.event.offset) {
    headers.emplace_back(std::string(kSourceHeader), frame.event.Position());
  }
  return headers;
}

std::string ExplanationJson(const ExplainFrame& frame, const Explanation& explanation) {
  JsonWriter rules = Array();
  for (const RuleExplanation& rule : explanation.rules) {
    rules.Raw("", RuleJson(frame, explanation, rule));
  }
  JsonWriter outputs = Array();
  for (const router::ExplainedOutput& output : explanation.outputs) {
    outputs.Raw("", OutputJson(frame, explanation, output));
  }
  JsonWriter notes = Array();
  for (const std::string& note : frame.notes) notes.Text("", note);
  JsonWriter json = Object();
  json.Raw("event", EventJson(frame.event)).Text("rule_set", explanation.rule_set);
  if (explanation.mode != router::CloudEvent::Mode::kNone) {
    json.Raw("cloud_event", CloudEventJson(explanation));
  }
  if (!explanation.payload_error.empty()) json.Text("payload_error", explanation.payload_error);
  json.Text("state", StateName(explanation));
  if (!explanation.state_error.ok()) {
    json.Text("state_error", explanation.state_error.ToString());
  } else if (explanation.keeps_state) {
    json.Time("event_time", explanation.event_ms)
        .Bool("late", explanation.is_late)
        .Time("task_time", explanation.watermark_ms);
  }
  return json.Raw("rules", rules.Close())
      .Number("rules_judged", static_cast<int64_t>(explanation.rules_judged))
      .Number("rules_left_out", static_cast<int64_t>(explanation.rules_left_out))
      .Raw("outputs", outputs.Close())
      .Raw("notes", notes.Close())
      .Close();
}

}  // namespace turnout::runtime

#include "runtime/explain_text.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "router/percent.h"
#include "runtime/json_text.h"

namespace turnout::runtime {
namespace {

using router::EnrichDecision;
using router::Explanation;
using router::PatternFault;
using router::RolloutDecision;
using router::RuleExplanation;
using router::SeenValue;
using router::StepDecision;
using router::StepFact;
using router::StepKind;
using router::StepVerdict;

constexpr size_t kRecordBytesShownMax = 400;

std::string Seen(const SeenValue& value) {
  const std::string rest = value.bytes_left_out == 0
                               ? ""
                               : absl::StrCat("... and ", value.bytes_left_out, " bytes more");
  switch (value.kind) {
    case router::ValueKind::kNull:
      return "null";
    case router::ValueKind::kTrue:
      return "true";
    case router::ValueKind::kFalse:
      return "false";
    case router::ValueKind::kNumber:
      return value.text + rest;
    case router::ValueKind::kString:
      return JsonString(value.text) + rest;
  }
  return "";
}

std::string SeenOf(const PatternFault& fault) {
  std::string text = absl::StrJoin(
      fault.seen, ", ", [](std::string* out, const SeenValue& value) { *out += Seen(value); });
  if (fault.values > fault.seen.size()) {
    absl::StrAppend(&text, " and ", fault.values - fault.seen.size(), " more");
  }
  return text;
}

std::string FaultText(const PatternFault& fault) {
  const std::string header =
      fault.header.empty() ? "" : absl::StrCat(" (header ", fault.header, ")");
  const std::string wanted = absl::StrCat("    ", fault.field, header, ": wanted ", fault.wanted);
  switch (fault.kind) {
    case PatternFault::Kind::kAbsent:
      return wanted + ", the field is absent\n";
    case PatternFault::Kind::kValue:
      return absl::StrCat(wanted, ", saw ", SeenOf(fault), "\n");
    case PatternFault::Kind::kElements:
      return absl::StrCat(wanted, ", saw ", SeenOf(fault), ", but in no element of the array that ",
                          "has what is wanted of ", absl::StrJoin(fault.together_with, ", "),
                          " too\n");
    case PatternFault::Kind::kTooMany:
      return absl::StrCat(wanted, ": elements of arrays combine in more ways than are tried\n");
    case PatternFault::Kind::kUnreadable:
      return "    the payload can't be read\n";
  }
  return "";
}

std::string UnmatchedText(const RuleExplanation& rule) {
  std::string text = absl::StrCat(rule.id, " does not match\n", FaultText(rule.fault));
  const PatternFault& fault = rule.fault;
  if (fault.fields_failed > 1) {
    absl::StrAppend(&text, "    ", fault.fields_failed, " of ", fault.fields,
                    " fields fail; this is the first\n");
  }
  if (fault.branches > 1) {
    absl::StrAppend(&text, "    of ", fault.branches, " alternatives this one came closest\n");
  }
  return text;
}

const StepFact* Find(const StepDecision& step, std::string_view name) {
  const auto found = std::find_if(step.facts.begin(), step.facts.end(),
                                  [&](const StepFact& fact) { return fact.name == name; });
  return found == step.facts.end() ? nullptr : &*found;
}

std::string Shown(const StepDecision& step, std::string_view name) {
  const StepFact* const fact = Find(step, name);
  if (fact == nullptr) return "-";
  return fact->kind == StepFact::Kind::kTime ? TimeText(fact->time_ms)
                                             : absl::StrFormat("%.15g", fact->number);
}

// What the step remembers, or goes by.
std::string MemoryText(const StepDecision& step) {
  switch (step.kind) {
    case StepKind::kSample:
      return absl::StrCat("its key's bucket is ", step.bucket, " of ", router::kAllShares,
                          ", and those below ", step.share, " pass");
    case StepKind::kDedup:
      if (!step.remembers_key) return "it remembers none of this key";
      return absl::StrCat("the key last passed at ", Shown(step, "passed_at"), ", passes again at ",
                          Shown(step, "passes_again_at"));
    case StepKind::kThrottle:
      if (!step.remembers_key) {
        return absl::StrCat("none of this key has passed; ", Shown(step, "limit"), " may");
      }
      return absl::StrCat(Shown(step, "passed"), " of ", Shown(step, "limit"), " have passed from ",
                          Shown(step, "span_began_at"), " to ", Shown(step, "span_ends_at"));
    case StepKind::kThreshold:
      return absl::StrCat("had ", Shown(step, "counted_before"), " before, wants ",
                          Shown(step, "at_least"));
    case StepKind::kAggregate:
      return absl::StrCat("counts in windows that end from ", Shown(step, "first_window_ends_at"),
                          " to ", Shown(step, "last_window_ends_at"));
    case StepKind::kEnrich:
      break;
  }
  return "";
}

std::string VerdictText(const StepDecision& step) {
  if (step.is_rekeyed) return "goes on in the re-key topic, where this key lives";
  switch (step.verdict) {
    case StepVerdict::kPasses:
      return "passes";
    case StepVerdict::kStops:
      return "is stopped";
    case StepVerdict::kStopsLate:
      return "is stopped: too late to be counted";
    case StepVerdict::kRejects:
      return "is rejected: " + step.reason;
    case StepVerdict::kIsFull:
      return "is rejected: the rule may keep no more";
    case StepVerdict::kCounts:
      return "is counted; nothing is sent now";
    case StepVerdict::kSends:
      return "is counted, and the window's record sent";
  }
  return "";
}

std::string StepText(const StepDecision& step, size_t number) {
  std::string text =
      absl::StrCat("    step ", number, ", ", std::string(router::StepName(step.kind)), " by ",
                   step.key_field, " = ", JsonString(step.key), ": ", VerdictText(step));
  const bool is_asked = !step.is_rekeyed && step.verdict != StepVerdict::kRejects;
  if (is_asked) absl::StrAppend(&text, " (", MemoryText(step), ")");
  return text + "\n";
}

std::string MissingText(router::MissingPolicy policy) {
  switch (policy) {
    case router::MissingPolicy::kNull:
      return "; null is put in";
    case router::MissingPolicy::kDrop:
      return "; the match goes no further";
    case router::MissingPolicy::kPark:
      return "; the event is parked";
  }
  return "";
}

std::string EnrichText(const EnrichDecision& enrich) {
  const std::string table = absl::StrCat("    table ", enrich.table, ", key ", enrich.key_field);
  switch (enrich.outcome) {
    case EnrichDecision::Outcome::kFound:
      return absl::StrCat(table, " = ", JsonString(enrich.key), ": found\n");
    case EnrichDecision::Outcome::kMissing:
      return absl::StrCat(table, " = ", JsonString(enrich.key), ": it has no such key",
                          MissingText(enrich.missing), "\n");
    case EnrichDecision::Outcome::kNoKey:
      return absl::StrCat(table, ": the field is absent, null or not a scalar",
                          MissingText(enrich.missing), "\n");
    case EnrichDecision::Outcome::kUnavailable:
      return absl::StrCat(table, " = ", JsonString(enrich.key), ": can't be asked (", enrich.reason,
                          "); the event is parked\n");
  }
  return "";
}

std::string RolloutText(const RolloutDecision& rollout) {
  std::string text = rollout.is_shadow ? ", in shadow" : "";
  if (rollout.percent < 100) {
    absl::StrAppend(&text, ", rolled out to ", absl::StrFormat("%.15g", rollout.percent),
                    " % of keys");
  }
  return text;
}

std::string UnsentText(const RolloutDecision& rollout) {
  std::string text;
  if (rollout.is_held_back) text += "    -> held back: the record's key is not one of them\n";
  for (const router::ExplainedOutput& output : rollout.shadowed) {
    absl::StrAppend(&text, "    -> ", output.destination, ", were it not in shadow\n");
  }
  return text;
}

std::string MatchedText(const RuleExplanation& rule, const Explanation& explanation) {
  const bool is_shadow = rule.rollout && rule.rollout->is_shadow;
  std::string text =
      absl::StrCat(rule.id, " matches", rule.rollout ? RolloutText(*rule.rollout) : "", "\n");
  for (size_t i = 0; i < rule.steps.size(); ++i) text += StepText(rule.steps[i], i + 1);
  for (const EnrichDecision& enrich : rule.enrich) text += EnrichText(enrich);
  for (const RuleExplanation::Rejected& rejection : rule.rejected) {
    absl::StrAppend(&text, "    -> ", rejection.park ? "parked" : "dead letter",
                    is_shadow ? ", were it not in shadow: " : ": ", rejection.reason, "\n");
  }
  if (rule.rollout) text += UnsentText(*rule.rollout);
  for (const size_t output : rule.outputs) {
    absl::StrAppend(&text, "    -> ", explanation.outputs[output].destination,
                    rule.is_shaped ? ", shaped" : "", "\n");
  }
  return text;
}

// The beginning of a long text, on one line.
std::string Short(const std::optional<std::string>& text) {
  if (!text) return "null";
  if (text->size() <= kRecordBytesShownMax) return JsonString(*text);
  return absl::StrCat(JsonString(text->substr(0, kRecordBytesShownMax)), "... and ",
                      text->size() - kRecordBytesShownMax, " bytes more");
}

std::string OutputText(const ExplainFrame& frame, const Explanation& explanation,
                       const router::ExplainedOutput& output, const char* what = "record") {
  std::string text =
      absl::StrCat(what, " for ", output.destination, ", of ", output.rule_ids, "\n    key ",
                   Short(output.key), "\n    value ", Short(output.value), "\n");
  if (output.window_end_ms) {
    absl::StrAppend(&text, "    of the window that ends at ", TimeText(*output.window_end_ms),
                    ", which this event closes\n");
  }
  for (const auto& [name, content] : HeadersOf(frame, explanation, output)) {
    absl::StrAppend(&text, "    header ", name, ": ", Short(content), "\n");
  }
  return text;
}

// What the record is, where that is not plain from its payload.
std::string CloudEventText(const Explanation& explanation) {
  if (explanation.mode != router::CloudEvent::Mode::kBinary) return "";
  const std::string headers = absl::StrJoin(explanation.attribute_headers, ", ");
  if (!explanation.reads_cloud_events) {
    return absl::StrCat("a CloudEvent in binary mode, and `source.cloud_events` is not set: ",
                        headers, " are headers and no more\n");
  }
  return absl::StrCat("a CloudEvent in binary mode: its attributes are ", headers, "; its data is ",
                      std::string(router::DataName(explanation.data)), "\n");
}

std::string HeadText(const ExplainFrame& frame, const Explanation& explanation) {
  const auto matched = std::count_if(explanation.rules.begin(), explanation.rules.end(),
                                     [](const RuleExplanation& rule) { return rule.matched; });
  const std::string position = frame.event.Position();
  std::string text = absl::StrCat("event", position.empty() ? "" : " ", position, ": ", matched,
                                  " of ", explanation.rules_judged, " rules match (rule set ",
                                  explanation.rule_set, ")\n");
  text += CloudEventText(explanation);
  if (!explanation.payload_error.empty()) {
    absl::StrAppend(&text, "-> dead letter: ", explanation.payload_error, "\n");
  }
  if (!explanation.state_error.ok()) {
    absl::StrAppend(&text, "the state can't be asked: ", explanation.state_error.message(), "\n");
  } else if (explanation.keeps_state && frame.event.timestamp_ms >= 0) {
    absl::StrAppend(&text, "its time is ", TimeText(explanation.event_ms),
                    explanation.is_late ? ", which is late: " : "; ", "the task's is ",
                    TimeText(explanation.watermark_ms), "\n");
  }
  for (const std::string& note : frame.notes) absl::StrAppend(&text, "note: ", note, "\n");
  return text;
}

}  // namespace

std::string ExplanationText(const ExplainFrame& frame, const Explanation& explanation) {
  std::string text = HeadText(frame, explanation);
  for (const RuleExplanation& rule : explanation.rules) {
    text += rule.matched ? MatchedText(rule, explanation) : UnmatchedText(rule);
  }
  if (explanation.rules_left_out > 0) {
    absl::StrAppend(&text, "... and ", explanation.rules_left_out, " rules more don't match\n");
  }
  for (const router::ExplainedOutput& output : explanation.outputs) {
    text += OutputText(frame, explanation, output);
  }
  for (const RuleExplanation& rule : explanation.rules) {
    if (!rule.rollout) continue;
    for (const router::ExplainedOutput& output : rule.rollout->shadowed) {
      text += OutputText(frame, explanation, output, "record in shadow");
    }
  }
  return text;
}

}  // namespace turnout::runtime

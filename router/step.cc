#include "router/step.h"

#include <bit>

#include "router/content_hash.h"

namespace turnout::router {

std::string_view StepName(StepKind kind) {
  switch (kind) {
    case StepKind::kSample:
      return "sample";
    case StepKind::kDedup:
      return "dedup";
    case StepKind::kThrottle:
      return "throttle";
    case StepKind::kThreshold:
      return "threshold";
    case StepKind::kEnrich:
      return "enrich";
    case StepKind::kAggregate:
      return "aggregate";
  }
  return "?";
}

state::StepId StepIdOf(std::string_view team, std::string_view rule, bool is_shadow,
                       const Step& step, uint32_t ordinal) {
  if (!step.keeps_state()) return 0;
  ContentHash hash;
  hash.Add(team);
  hash.Add(rule);
  hash.Add(StepName(step.kind));
  hash.AddNumber(ordinal);
  hash.Add(step.key_field);
  if (step.kind != StepKind::kDedup) hash.AddNumber(static_cast<uint64_t>(step.span_ms));
  if (step.kind == StepKind::kThreshold) {
    hash.AddNumber(static_cast<uint64_t>(step.measure));
    hash.Add(step.measure_field);
    const bool keeps_newest = step.measure != Measure::kSum;
    hash.AddNumber(keeps_newest ? static_cast<uint64_t>(step.at_least) : 0);
  }
  if (step.kind == StepKind::kAggregate) {
    hash.AddNumber(static_cast<uint64_t>(step.slide_ms));
    // Windows that close are deleted then, others' panes expire.
    hash.AddNumber(step.emit_every ? 1 : 0);
    for (const Feature& feature : step.features) {
      hash.Add(feature.name);
      hash.AddNumber(static_cast<uint64_t>(feature.measure));
      hash.Add(feature.field);
    }
  }
  if (is_shadow) hash.Add("shadow");
  return hash.Value() == 0 ? 1 : hash.Value();
}

void HashStep(const Step& step, ContentHash* hash) {
  hash->Add(StepName(step.kind));
  hash->Add(step.key_field);
  hash->AddNumber(step.share);
  hash->AddNumber(static_cast<uint64_t>(step.span_ms));
  hash->AddNumber(static_cast<uint64_t>(step.slide_ms));
  hash->AddNumber(step.limit);
  hash->AddNumber(static_cast<uint64_t>(step.measure));
  hash->Add(step.measure_field);
  hash->AddNumber(std::bit_cast<uint64_t>(step.at_least));
  hash->AddNumber(step.emit_every ? 1 : 0);
  hash->AddNumber(step.features.size());
  for (const Feature& feature : step.features) {
    hash->Add(feature.name);
    hash->AddNumber(static_cast<uint64_t>(feature.measure));
    hash->Add(feature.field);
  }
}

}  // namespace turnout::router

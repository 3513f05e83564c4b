#include "router/route_plan.h"

#include <algorithm>
#include <utility>

#include "router/canonical_text.h"

namespace turnout::router {
namespace {

int64_t LifeOf(const Step& step) {
  if (step.kind != StepKind::kAggregate) return step.span_ms;
  return step.emit_every ? 2 * step.span_ms - step.slide_ms : 0;
}

}  // namespace

RoutePlanBuilder::RoutePlanBuilder(size_t rules) {
  plan_.rules.reserve(rules + 1);
  plan_.target_ids.reserve(rules);
}

void RoutePlanBuilder::StartTeam(const RuleFile& team) {
  team_ = team.team;
  plan_.globs.push_back(team.allowed_destinations);
  plan_.team_steps.push_back(static_cast<uint32_t>(plan_.steps.size()));
  target_numbers_.clear();
}

uint32_t RoutePlanBuilder::FieldNumber(const std::string& path) {
  const auto [number, is_new] =
      field_numbers_.emplace(path, static_cast<uint32_t>(plan_.fields.size()));
  if (is_new) plan_.fields.push_back(path);
  return number->second;
}

std::shared_ptr<const EnrichPlan> RoutePlanBuilder::CompileEnrich(
    const std::vector<EnrichSpec>& enrich) {
  if (enrich.empty()) return nullptr;
  auto compiled = std::make_shared<EnrichPlan>();
  for (const EnrichSpec& spec : enrich) {
    const auto at = std::find(plan_.tables.begin(), plan_.tables.end(), spec.table);
    const auto table = static_cast<uint32_t>(at - plan_.tables.begin());
    if (at == plan_.tables.end()) plan_.tables.push_back(spec.table);
    compiled->entries.push_back({.table = table,
                                 .key_field = FieldNumber(spec.key_field),
                                 .table_name = spec.table,
                                 .key_path = spec.key_field,
                                 .missing = spec.missing});
  }
  compiled->places = CompilePlaces(enrich);
  return compiled;
}

uint32_t RoutePlanBuilder::FormNumber(const Rule& rule) {
  if (rule.shape == nullptr && rule.enrich.empty()) return RoutePlan::kOwnForm;
  std::string text = EnrichText(rule.enrich);
  text.push_back('\n');
  if (rule.shape != nullptr) text += rule.shape->text;
  const auto [number, is_new] =
      form_numbers_.emplace(std::move(text), static_cast<uint32_t>(plan_.forms.size()));
  if (is_new) plan_.forms.push_back({CompileEnrich(rule.enrich), rule.shape});
  return number->second;
}

uint32_t RoutePlanBuilder::TargetNumber(const DestinationTemplate& destination,
                                        const RoutePlan::RuleTargets& of, bool is_shadow) {
  const auto [number, is_new] = target_numbers_.try_emplace(
      {of.key_field, of.form, is_shadow, absl::string_view(destination.text)},
      static_cast<uint32_t>(plan_.targets.size()));
  if (!is_new) return number->second;
  RoutePlan::Target target;
  target.team = static_cast<uint32_t>(plan_.globs.size() - 1);
  target.destination = destination;
  target.is_shadow = is_shadow;
  for (const std::string& field : destination.fields) target.fields.push_back(FieldNumber(field));
  const std::vector<std::string>& globs = plan_.globs.back();
  target.check_globs = std::none_of(globs.begin(), globs.end(), [&](const std::string& glob) {
    return GlobAlwaysMatches(glob, destination);
  });
  plan_.targets.push_back(std::move(target));
  return number->second;
}

// Of the rule that is being added.
void RoutePlanBuilder::AddAggregate(const Step& step) {
  AggregatePlan aggregate = {.rule = static_cast<uint32_t>(plan_.rules.size()),
                             .id = step.id,
                             .window_ms = step.span_ms,
                             .slide_ms = step.slide_ms,
                             .emit_every = step.emit_every};
  for (const Feature& feature : step.features) {
    AggregatePlan::Feature& planned = aggregate.features.emplace_back();
    planned.measure = feature.measure;
    if (!feature.field.empty()) planned.field = FieldNumber(feature.field);
    planned.json_name.push_back(',');
    AppendJsonString(feature.name, &planned.json_name);
    planned.json_name += ":";
  }
  plan_.aggregates.push_back(std::move(aggregate));
}

void RoutePlanBuilder::AddStep(const Step& step) {
  const bool is_aggregate = step.kind == StepKind::kAggregate;
  if (is_aggregate) AddAggregate(step);
  plan_.steps.push_back(
      {.kind = step.kind,
       .measure = step.measure,
       .emit_every = step.emit_every,
       .key_field = FieldNumber(step.key_field),
       .measure_field =
           step.measure_field.empty() ? StepPlan::kNone : FieldNumber(step.measure_field),
       .share = step.share,
       .limit = step.limit,
       .aggregate =
           is_aggregate ? static_cast<uint32_t>(plan_.aggregates.size() - 1) : StepPlan::kNone,
       .span_ms = step.span_ms,
       .life_ms = LifeOf(step),
       .at_least = step.at_least,
       .id = step.id});
}

void RoutePlanBuilder::AddRule(const Rule& rule) {
  RoutePlan::RuleTargets targets;
  targets.begin = static_cast<uint32_t>(plan_.target_ids.size());
  if (!rule.key_field.empty()) targets.key_field = FieldNumber(rule.key_field);
  targets.form = FormNumber(rule);
  if (!rule.rollout.is_full()) {
    targets.rollout = static_cast<uint32_t>(plan_.rollouts.size());
    plan_.rollouts.push_back(PlanRollout(rule.rollout, team_, rule.name));
  }
  targets.steps_begin = static_cast<uint32_t>(plan_.steps.size());
  for (const Step& step : rule.steps) AddStep(step);
  for (const DestinationTemplate& destination : rule.to) {
    plan_.target_ids.push_back(TargetNumber(destination, targets, rule.rollout.is_shadow));
  }
  plan_.rules.push_back(targets);
}

RoutePlan RoutePlanBuilder::Finish() {
  plan_.rules.push_back({.steps_begin = static_cast<uint32_t>(plan_.steps.size()),
                         .begin = static_cast<uint32_t>(plan_.target_ids.size())});
  plan_.team_steps.push_back(static_cast<uint32_t>(plan_.steps.size()));
  return std::move(plan_);
}

}  // namespace turnout::router

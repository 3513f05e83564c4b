#include "router/explainer.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "router/enricher.h"
#include "router/pattern_fault.h"
#include "router/rollout.h"
#include "router/route_plan.h"
#include "router/router.h"
#include "router/sample.h"
#include "router/step_engine.h"
#include "router/trial_state.h"

namespace turnout::router {
namespace {

std::optional<std::string> Owned(std::string_view text) {
  return text.data() == nullptr ? std::nullopt : std::optional<std::string>(text);
}

ExplainedOutput OutputOf(const Output& output) {
  return {.destination = std::string(output.destination),
          .key = Owned(output.key),
          .value = Owned(output.value),
          .window_end_ms = output.window_end_ms,
          .rule_ids = std::string(output.rule_ids),
          .content_type = std::string(output.content_type)};
}

std::optional<RolloutDecision> RolloutOf(const Rollout& rollout) {
  if (rollout.is_full()) return std::nullopt;
  return RolloutDecision{.is_shadow = rollout.is_shadow, .percent = PercentOf(rollout.share)};
}

}  // namespace

struct Explainer::Impl {
  Impl(std::shared_ptr<const RuleSet> the_rules, const TableLookup* the_tables,
       ExplainOptions the_options)
      : rules(std::move(the_rules)),
        plan(rules->plan()),
        tables(the_tables),
        options(std::move(the_options)),
        router(rules, tables),
        steps_by_id(RememberingSteps(plan)),
        scratch(rules->matcher().NewScratch()),
        fields(rules->settings().cloud_events) {
    for (const Team& team : rules->teams()) {
      for (const Rule& rule : team->rules) {
        patterns.emplace_back(absl::StrCat(team->team, "/", rule.name), &rule);
      }
    }
    std::sort(patterns.begin(), patterns.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (RuleIndex rule = 0; rule < patterns.size(); ++rule) {
      if (IsAsked(rule)) fields.Ask(*patterns[rule].second->match);
    }
  }

  bool IsAsked(RuleIndex rule) const {
    return options.only_rule.empty() || patterns[rule].first == options.only_rule;
  }

  void TakeCloudEvent(const Event& event, Explanation* explanation) const;
  RuleExplanation* Find(RuleIndex rule, Explanation* explanation) const;
  void TakeRoutes(const Routes& routes, Explanation* explanation);
  void TakeRejections(absl::Span<const Rejection> rejections, Explanation* explanation);
  void TakeShadowed(const Routes& routes, Explanation* explanation);
  void AskSteps(const Event& event, TaskSteps* task, const std::vector<RuleIndex>& matched,
                Explanation* explanation);
  bool AskStep(RuleIndex rule, const StepPlan& step, TaskSteps* task, RuleExplanation* told);
  bool AskSample(const StepPlan& step, StepDecision* decision) const;
  void AskTables(RuleIndex rule, RuleExplanation* told) const;

  const std::shared_ptr<const RuleSet> rules;
  const RoutePlan& plan;
  const TableLookup* const tables;
  const ExplainOptions options;
  Router router;
  const StepsById steps_by_id;
  const std::unique_ptr<Matcher::Scratch> scratch;
  std::vector<std::pair<std::string, const Rule*>> patterns;  // by RuleIndex, with their ids
  EventFields fields;
  PatternJudge judge;
  std::optional<StepEngine> engine;  // of the event at hand, if rules keep state
  Arena arena;
};

Explainer::Explainer(std::shared_ptr<const RuleSet> rules, const TableLookup* tables,
                     ExplainOptions options)
    : impl_(std::make_unique<Impl>(std::move(rules), tables, std::move(options))) {}
Explainer::~Explainer() = default;

const RuleSet& Explainer::rules() const { return *impl_->rules; }

Explanation Explainer::Explain(const Event& event, state::TaskState* state) {
  Explanation explanation = JudgePatterns(event);
  DecideRoutes(event, state, &explanation);
  return explanation;
}

Explanation Explainer::JudgePatterns(const Event& event) {
  Impl& impl = *impl_;
  Explanation explanation;
  explanation.rule_set = impl.rules->hash();
  explanation.keeps_state = impl.rules->keeps_state();
  impl.TakeCloudEvent(event, &explanation);
  const bool is_binary = explanation.mode == CloudEvent::Mode::kBinary;
  const absl::Status read = impl.fields.Read(event);
  if (!read.ok()) explanation.payload_error = std::string(read.message());
  std::vector<RuleExplanation> unmatched;
  for (RuleIndex rule = 0; rule < impl.patterns.size(); ++rule) {
    if (!impl.IsAsked(rule)) continue;
    ++explanation.rules_judged;
    const PatternContent& pattern = *impl.patterns[rule].second->match;
    std::optional<PatternFault> fault = impl.judge.FaultOf(pattern, &impl.fields);
    if (fault && is_binary && explanation.reads_cloud_events) {
      fault->header = AttributeHeader(fault->field);
    }
    RuleExplanation told{.id = impl.patterns[rule].first, .matched = !fault.has_value()};
    if (told.matched) {
      told.rollout = RolloutOf(impl.patterns[rule].second->rollout);
      explanation.rules.push_back(std::move(told));
    } else if (unmatched.size() < impl.options.unmatched_max) {
      told.fault = *std::move(fault);
      unmatched.push_back(std::move(told));
    } else {
      ++explanation.rules_left_out;
    }
  }
  std::move(unmatched.begin(), unmatched.end(), std::back_inserter(explanation.rules));
  return explanation;
}

void Explainer::DecideRoutes(const Event& event, state::TaskState* state,
                             Explanation* explanation) {
  Impl& impl = *impl_;
  explanation->has_state = state != nullptr;
  TrialState trial(impl.plan, impl.steps_by_id, state);
  std::vector<RuleIndex> matched;
  {
    TaskSteps task(&trial);
    const Routes& routes = impl.router.Route(event, &task);
    explanation->state_error = routes.state_error;
    if (!routes.payload_error.ok()) {
      explanation->payload_error = std::string(routes.payload_error.message());
    }
    if (!routes.state_error.ok()) return;
    matched.assign(routes.matched.begin(), routes.matched.end());
    impl.TakeRoutes(routes, explanation);
  }
  trial.Rollback();
  TaskSteps task(&trial);
  impl.AskSteps(event, &task, matched, explanation);
}

void Explainer::Impl::TakeCloudEvent(const Event& event, Explanation* explanation) const {
  const CloudEvent cloud_event = ReadCloudEvent(event);
  explanation->mode = cloud_event.mode;
  explanation->data = cloud_event.data;
  explanation->reads_cloud_events = rules->settings().cloud_events;
  if (cloud_event.mode != CloudEvent::Mode::kBinary) return;
  ForEachAttribute(event, cloud_event, [&](std::string_view name, std::string_view) {
    explanation->attribute_headers.push_back(AttributeHeader(name));
  });
}

// Null: it is not told of.
RuleExplanation* Explainer::Impl::Find(RuleIndex rule, Explanation* explanation) const {
  const std::string& id = patterns[rule].first;
  const auto end = std::find_if(explanation->rules.begin(), explanation->rules.end(),
                                [](const RuleExplanation& told) { return !told.matched; });
  const auto found = std::lower_bound(
      explanation->rules.begin(), end, id,
      [](const RuleExplanation& told, const std::string& sought) { return told.id < sought; });
  return found == end || found->id != id ? nullptr : &*found;
}

void Explainer::Impl::TakeRoutes(const Routes& routes, Explanation* explanation) {
  for (const Output& output : routes.outputs) {
    bool is_told = options.only_rule.empty();
    for (const RuleIndex rule : output.rules) {
      if (!IsAsked(rule)) continue;
      is_told = true;
      // Of a rule that only closes a window with this event there may be no match.
      if (RuleExplanation* const told = Find(rule, explanation)) {
        told->outputs.push_back(explanation->outputs.size());
      }
    }
    if (is_told) explanation->outputs.push_back(OutputOf(output));
  }
  TakeRejections(routes.rejections, explanation);
  TakeRejections(routes.shadow_rejections, explanation);
  TakeShadowed(routes, explanation);
}

void Explainer::Impl::TakeRejections(absl::Span<const Rejection> rejections,
                                     Explanation* explanation) {
  for (const Rejection& rejection : rejections) {
    if (RuleExplanation* const told = Find(rejection.rule, explanation)) {
      told->rejected.push_back({std::string(rejection.reason), rejection.park});
    }
  }
}

void Explainer::Impl::TakeShadowed(const Routes& routes, Explanation* explanation) {
  for (const RuleIndex rule : routes.held_back) {
    RuleExplanation* const told = Find(rule, explanation);
    if (told != nullptr && told->rollout) told->rollout->is_held_back = true;
  }
  for (const Shadowed& record : routes.shadowed) {
    RuleExplanation* const told = Find(record.rule, explanation);
    if (told == nullptr || !told->rollout) continue;
    told->rollout->shadowed.push_back({.destination = std::string(record.destination),
                                       .key = Owned(record.key),
                                       .value = Owned(record.value),
                                       .window_end_ms = record.window_end_ms,
                                       .rule_ids = patterns[record.rule].first,
                                       .content_type = std::string(record.content_type)});
  }
}

void Explainer::Impl::AskSteps(const Event& event, TaskSteps* task,
                               const std::vector<RuleIndex>& matched, Explanation* explanation) {
  rules->matcher().Match(event, scratch.get()).IgnoreError();  // the router has said it
  engine.reset();
  arena.Reset();
  if (rules->keeps_state()) {
    std::vector<ClosedWindow> closed;
    engine.emplace(plan, rules->settings());
    explanation->state_error = engine->StartEvent(event, *scratch, task, &arena, &closed);
    if (!explanation->state_error.ok()) return;
    explanation->event_ms = engine->time_ms();
    explanation->is_late = engine->is_late();
    explanation->watermark_ms = task->state().watermark_ms();
  }
  for (const RuleIndex rule : matched) {
    RuleExplanation* const told = Find(rule, explanation);
    if (told == nullptr) continue;
    told->is_shaped = patterns[rule].second->shape != nullptr;
    bool goes_on = true;
    for (uint32_t i = plan.rules[rule].steps_begin; goes_on && i < plan.rules[rule + 1].steps_begin;
         ++i) {
      goes_on = AskStep(rule, plan.steps[i], task, told);
    }
    if (goes_on) AskTables(rule, told);
  }
}

bool Explainer::Impl::AskSample(const StepPlan& step, StepDecision* decision) const {
  const std::string_view key = scratch->Field(step.key_field);
  decision->share = step.share;
  const bool has_key = key.data() != nullptr;
  if (has_key) decision->bucket = SampleBucket(key);
  const bool passes = has_key && decision->bucket < step.share;
  decision->verdict = passes ? StepVerdict::kPasses : StepVerdict::kStops;
  return passes;
}

// Whether the event goes on behind the step.
bool Explainer::Impl::AskStep(RuleIndex rule, const StepPlan& step, TaskSteps* task,
                              RuleExplanation* told) {
  StepDecision& decision = told->steps.emplace_back();
  decision.kind = step.kind;
  decision.key_field = plan.fields[step.key_field];
  decision.key = std::string(scratch->Field(step.key_field));
  if (step.kind == StepKind::kSample) return AskSample(step, &decision);
  if (!engine->HasKey(step, *scratch)) {
    decision.verdict = StepVerdict::kRejects;
    decision.reason = absl::StrCat("field `", plan.fields[engine->fault().field], "` is ",
                                   std::string(engine->fault().how));
    return false;
  }
  if (step.key_field != plan.partition_field && plan.partition_field != RoutePlan::kAnyKey) {
    decision.is_rekeyed = true;
    return false;
  }
  std::string stored;
  const absl::StatusOr<bool> found = task->state().Get(step.id, decision.key, &stored);
  decision.remembers_key = found.ok() && *found;
  const bool is_aggregate = step.kind == StepKind::kAggregate;
  decision.facts =
      FactsOf(step, is_aggregate ? &plan.aggregates[step.aggregate] : nullptr, engine->time_ms(),
              decision.remembers_key ? std::string_view(stored) : std::string_view());
  const uint32_t begin = plan.rules[rule].steps_begin;
  const auto rule_steps =
      absl::MakeConstSpan(plan.steps).subspan(begin, plan.rules[rule + 1].steps_begin - begin);
  const absl::StatusOr<StepVerdict> verdict = engine->Judge(rule_steps, step, *scratch);
  decision.verdict = verdict.ok() ? *verdict : StepVerdict::kRejects;
  if (!verdict.ok()) decision.reason = std::string(verdict.status().message());
  if (verdict.ok() && *verdict == StepVerdict::kRejects) {
    decision.reason = absl::StrCat("field `", plan.fields[engine->fault().field], "` is ",
                                   std::string(engine->fault().how));
  }
  return verdict.ok() && *verdict == StepVerdict::kPasses;
}

// As Enricher asks them: those behind one that holds the match back are not asked.
void Explainer::Impl::AskTables(RuleIndex rule, RuleExplanation* told) const {
  const uint32_t form = plan.rules[rule].form;
  if (form == RoutePlan::kOwnForm || plan.forms[form].enrich == nullptr) return;
  for (const EnrichPlan::Entry& entry : plan.forms[form].enrich->entries) {
    using Outcome = EnrichDecision::Outcome;
    const std::string_view key = scratch->Field(entry.key_field);
    EnrichDecision& decision = told->enrich.emplace_back();
    decision.table = entry.table_name;
    decision.key_field = entry.key_path;
    decision.key = std::string(key);
    decision.missing = entry.missing;
    if (key.data() != nullptr && tables == nullptr) {
      decision.outcome = Outcome::kUnavailable;
      decision.reason = "there are no tables to ask";
    } else if (key.data() != nullptr) {
      std::string value;
      const absl::StatusOr<bool> found = tables->Find(entry.table, key, &value);
      if (!found.ok()) decision.reason = std::string(found.status().message());
      decision.outcome = !found.ok() ? Outcome::kUnavailable
                         : *found    ? Outcome::kFound
                                     : Outcome::kMissing;
    }
    const bool is_missing =
        decision.outcome == Outcome::kMissing || decision.outcome == Outcome::kNoKey;
    if (decision.outcome == Outcome::kUnavailable ||
        (is_missing && entry.missing != MissingPolicy::kNull)) {
      return;
    }
  }
}

}  // namespace turnout::router

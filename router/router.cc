#include "router/router.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "router/router_impl.h"
#include "router/sample.h"

namespace turnout::router {

void Router::Impl::Start() {
  ++event_number;
  arena.Reset();
  gatherer.Start();
  outputs.clear();
  rejections.clear();
  stopped.clear();
  shadowed.clear();
  shadow_rejections.clear();
  held_back.clear();
  sent_on.clear();
  rekeyed.clear();
  gone.clear();
  only = {};
  routes.lacks_steps = false;
  routes.state_error = absl::OkStatus();
}

// An empty value is good enough for a record key, but not for a part of a topic's name: `how` says
// which of them it was.
std::string_view Router::Impl::MissingField(std::string_view field, std::string_view needed_by,
                                            std::string_view how) {
  if (!routes.payload_error.ok()) how = "not known, since the payload could not be read";
  return arena.Join({"field `", field, "`, which ", needed_by, " needs, is ", how});
}

std::string_view Router::Impl::ResolveName(const RoutePlan::Target& target, Slot* slot) {
  const DestinationTemplate& destination = target.destination;
  if (destination.is_constant()) return destination.text;
  size_t bytes = 0;
  for (const std::string& literal : destination.literals) bytes += literal.size();
  for (size_t i = 0; i < target.fields.size(); ++i) {
    const std::string_view value = scratch->Field(target.fields[i]);
    if (value.empty()) {
      const std::string_view needed_by = arena.Join({"destination `", destination.text, "`"});
      slot->reason =
          MissingField(destination.fields[i], needed_by, "absent, empty, null or not a scalar");
      return {};
    }
    bytes += value.size();
  }
  if (bytes > kTopicNameBytesMax) {
    slot->reason = arena.Join({"destination `", destination.text,
                               "` came out longer than the 249 bytes of a topic name"});
    return {};
  }
  char* const name = arena.Allocate(bytes);
  char* end = name;
  for (size_t i = 0; i < destination.literals.size(); ++i) {
    const std::string_view literal = destination.literals[i];
    end = std::copy(literal.begin(), literal.end(), end);
    if (i == target.fields.size()) break;
    const std::string_view value = scratch->Field(target.fields[i]);
    end = std::copy(value.begin(), value.end(), end);
  }
  return {name, bytes};
}

bool Router::Impl::PassesSteps(RuleIndex rule, uint32_t first_step, uint32_t local_key) {
  for (uint32_t i = first_step; i < plan.rules[rule + 1].steps_begin; ++i) {
    const StepPlan& step = plan.steps[i];
    if (step.kind != StepKind::kSample) {
      if (step.key_field != local_key && local_key != RoutePlan::kAnyKey) {
        if (local_key == kNowhere && IsAtSource(rule, i)) {
          RejectAtSource(rule, step);
        } else {
          SendOn(rule, step);
        }
        return false;
      }
      if (!PassesState(rule, step)) return false;
      continue;
    }
    const std::string_view key = scratch->Field(step.key_field);
    if (!IsNull(key) && SampleBucket(key) < step.share) continue;
    stopped.push_back({rule, StepKind::kSample});
    return false;
  }
  return true;
}

// Windows that the event closes come before all that it is itself.
absl::Status Router::Impl::StartSteps(const Event& event, TaskSteps* task) {
  closed.clear();
  feature = {};
  absl::Status status = engine->StartEvent(event, *scratch, task, &arena, &closed);
  for (const ClosedWindow& window : closed) {
    if (!SendsWindow(window)) continue;
    for (uint32_t i = plan.rules[window.rule].begin; i < plan.rules[window.rule + 1].begin; ++i) {
      outputs.push_back({.destination = plan.targets[plan.target_ids[i]].destination.text,
                         .key = window.key,
                         .value = window.value,
                         .window_end_ms = window.end_ms,
                         .rules = absl::MakeConstSpan(&window.rule, 1),
                         .rule_ids = rules->rules()[window.rule].id});
    }
  }
  return status;
}

bool Router::Impl::PassesState(RuleIndex rule, const StepPlan& step) {
  const uint32_t begin = plan.rules[rule].steps_begin;
  const auto rule_steps =
      absl::MakeConstSpan(plan.steps).subspan(begin, plan.rules[rule + 1].steps_begin - begin);
  const absl::StatusOr<StepVerdict> verdict = engine->Judge(rule_steps, step, *scratch);
  if (!verdict.ok()) {
    routes.state_error = verdict.status();
    return false;
  }
  if (*verdict == StepVerdict::kRejects) {
    Reject(rule, step, engine->fault());
  } else if (*verdict == StepVerdict::kIsFull) {
    RejectFull(rule, step);
  } else if (*verdict == StepVerdict::kSends) {
    feature = {.key = engine->record_key(), .value = arena.Join({engine->record()})};
  } else if (*verdict == StepVerdict::kStops || *verdict == StepVerdict::kStopsLate) {
    stopped.push_back({rule, step.kind, *verdict == StepVerdict::kStopsLate});
  }
  return *verdict == StepVerdict::kPasses || *verdict == StepVerdict::kSends;
}

// It goes with the event's headers, but for those that would say that it is a CloudEvent.
void Router::Impl::SendFeature(const RoutePlan::Target& target, const Record& record,
                               RuleIndex rule, const Event& event) {
  const bool is_of_json = CloudEventOf(event).mode == CloudEvent::Mode::kNone;
  gatherer.AddRule(
      gatherer.OpenFeature({.team = target.team,
                            .destination = target.destination.text,
                            .key = record.key,
                            .value = record.value,
                            .content_type = is_of_json ? std::string_view() : kJsonType}),
      rule);
}

// Its destinations are constants that the team may write.
void Router::Impl::RouteFeature(RuleIndex rule, const Event& event) {
  for (uint32_t i = plan.rules[rule].begin; i < plan.rules[rule + 1].begin; ++i) {
    const RoutePlan::Target& target = plan.targets[plan.target_ids[i]];
    SendFeature(target, feature, rule, event);
  }
  feature = {};
}

void Router::Impl::Reject(RuleIndex rule, const StepPlan& step, const StepEngine::Fault& fault) {
  const std::string_view step_name = arena.Join({"the step `", StepName(step.kind), "`"});
  rejections.push_back({.rule = rule,
                        .reason = MissingField(plan.fields[fault.field], step_name, fault.how),
                        .step = step.id});
}

void Router::Impl::RejectFull(RuleIndex rule, const StepPlan& step) {
  const std::string_view reason =
      arena.Join({"the step `", StepName(step.kind),
                  "` has no room for this event: the rule keeps as much in this partition as "
                  "`limits.rule_state_bytes_max` lets it, or its team as "
                  "`limits.team_state_bytes_max` does"});
  rejections.push_back({.rule = rule, .reason = reason, .step = step.id, .is_full = true});
}

void Router::Impl::RejectAtSource(RuleIndex rule, const StepPlan& step) {
  const std::string_view reason =
      arena.Join({"the step `", StepName(step.kind),
                  "` keeps its state with the source's partition, where an event that is put back "
                  "does not come by; `turnout replay` can send the rule's events once more"});
  rejections.push_back({.rule = rule, .reason = reason, .step = step.id});
}

void Router::Impl::SendOn(RuleIndex rule, const StepPlan& step) {
  if (!engine->HasKey(step, *scratch)) return Reject(rule, step, engine->fault());
  sent_on.push_back({IsShadow(rule), step.key_field, rule, step.id});
}

// One record a key: rules of the same key travel together, those in shadow apart from the others.
void Router::Impl::GatherRekeyed() {
  std::sort(sent_on.begin(), sent_on.end(), [](const SentOn& a, const SentOn& b) {
    return std::tie(a.is_shadow, a.key_field, a.rule, a.step) <
           std::tie(b.is_shadow, b.key_field, b.rule, b.step);
  });
  rekeyed_rules.clear();
  rekeyed_steps.clear();
  for (const SentOn& one : sent_on) {
    rekeyed_rules.push_back(one.rule);
    rekeyed_steps.push_back(one.step);
  }
  for (size_t begin = 0, end = 0; begin < sent_on.size(); begin = end) {
    const SentOn& first = sent_on[begin];
    size_t bytes = 0;
    for (; end < sent_on.size() && sent_on[end].key_field == first.key_field &&
           sent_on[end].is_shadow == first.is_shadow;
         ++end) {
      bytes += rules->rules()[sent_on[end].rule].id.size() + 1;
    }
    char* const text = arena.Allocate(bytes);
    char* at = text;
    for (size_t i = begin; i < end; ++i) {
      if (at != text) *at++ = ',';
      const std::string_view id = rules->rules()[sent_on[i].rule].id;
      at = std::copy(id.begin(), id.end(), at);
    }
    rekeyed.push_back({.key = scratch->Field(first.key_field),
                       .is_shadow = first.is_shadow,
                       .rules = absl::MakeConstSpan(rekeyed_rules).subspan(begin, end - begin),
                       .steps = absl::MakeConstSpan(rekeyed_steps).subspan(begin, end - begin),
                       .rule_ids = {text, static_cast<size_t>(at - text)}});
  }
}

void Router::Impl::GiveUp(RuleIndex rule, const Enricher::Result& result) {
  if (result.outcome == Enricher::Outcome::kDropped) {
    stopped.push_back({rule, StepKind::kEnrich});
  } else {
    rejections.push_back({.rule = rule,
                          .reason = result.reason,
                          .park = result.outcome == Enricher::Outcome::kParked});
  }
}

std::string_view Router::Impl::AllowedName(const RoutePlan::Target& target, Slot* slot) {
  const std::string_view name = ResolveName(target, slot);
  if (IsNull(name)) return {};
  std::string_view fault;
  if (!target.destination.is_constant()) fault = TopicNameFault(name);
  if (fault.empty() && target.check_globs) {
    const std::vector<std::string>& globs = plan.globs[target.team];
    const bool allowed = std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
      return GlobMatches(glob, name);
    });
    if (!allowed) fault = "is not among the team's `destinations`";
  }
  if (fault.empty()) return name;
  slot->reason = arena.Join(
      {"destination `", target.destination.text, "` came out as `", name, "`, which ", fault});
  return {};
}

void Router::Impl::ResolveTarget(uint32_t target_id, const Record& record, Slot* slot) {
  const RoutePlan::Target& target = plan.targets[target_id];
  *slot = {.event = event_number};
  const std::string_view name = AllowedName(target, slot);
  if (IsNull(name)) return;
  slot->output = gatherer.FindOrOpen({.team = target.team,
                                      .destination = name,
                                      .key = record.key,
                                      .value = record.value,
                                      .content_type = record.content_type});
}

// Steps from `first_step` on; those that keep state by the field `local_key` keep it here.
void Router::Impl::RouteRule(RuleIndex rule, uint32_t first_step, uint32_t local_key,
                             const Event& event) {
  if (plan.rules[rule].rollout != RoutePlan::kFullRollout) {
    return RouteInRollout(rule, first_step, local_key, event);
  }
  if (PassesSteps(rule, first_step, local_key)) SendMatch(rule, event);
}

std::optional<Router::Impl::Record> Router::Impl::MakeRecord(RuleIndex rule, const Event& event) {
  const RoutePlan::RuleTargets& from = plan.rules[rule];
  Record record = {.key = event.key, .value = event.value};
  if (from.form != RoutePlan::kOwnForm) {
    const FormedEvent& made = Formed(from.form, event);
    const Enricher::Result& result = made.result;
    if (result.outcome != Enricher::Outcome::kEnriched) {
      GiveUp(rule, result);
      return std::nullopt;
    }
    record.value = result.value;
    record.content_type = made.content_type;
  }
  if (from.key_field == RoutePlan::kOwnKey) return record;
  record.key = scratch->Field(from.key_field);
  if (!IsNull(record.key)) return record;
  rejections.push_back({rule, MissingField(plan.fields[from.key_field], "the record key",
                                           "absent, null or not a scalar")});
  return std::nullopt;
}

void Router::Impl::SendMatch(RuleIndex rule, const Event& event) {
  if (!IsNull(feature.value)) return RouteFeature(rule, event);
  const std::optional<Record> record = MakeRecord(rule, event);
  if (!record) return;
  const uint32_t end = plan.rules[rule + 1].begin;
  const bool has_others = end - plan.rules[rule].begin > 1;
  bool is_sent = IsNull(only);
  for (uint32_t i = plan.rules[rule].begin; i < end; ++i) {
    const RoutePlan::Target& target = plan.targets[plan.target_ids[i]];
    if (!IsNull(only) && !IsWanted(target)) continue;
    is_sent = true;
    Slot& slot = slots[plan.target_ids[i]];
    if (slot.event != event_number) {
      ResolveTarget(plan.target_ids[i], *record, &slot);
    }
    if (slot.output == Slot::kRejected) {
      rejections.push_back({.rule = rule, .reason = slot.reason});
      if (has_others) rejections.back().destination = target.destination.text;
    } else {
      gatherer.AddRule(slot.output, rule);
    }
  }
  if (!is_sent) RejectElsewhere(rule, only);
}

Router::Router(std::shared_ptr<const RuleSet> rules, const TableLookup* tables)
    : impl_(std::make_unique<Impl>(std::move(rules), tables)) {}
Router::~Router() = default;

// The payload, as far as anybody asks for it, and the task's time.
absl::Status Router::Impl::Read(const Event& event, TaskSteps* task) {
  Start();
  routes.payload_error = rules->matcher().Match(event, scratch.get());
  return engine ? StartSteps(event, task) : absl::OkStatus();
}

const Routes& Router::Impl::Finish() {
  gatherer.Close(&arena, &outputs);
  GatherRekeyed();
  routes.outputs = outputs;
  routes.rejections = rejections;
  routes.stopped = stopped;
  routes.shadowed = shadowed;
  routes.shadow_rejections = shadow_rejections;
  routes.held_back = held_back;
  routes.rekeyed = rekeyed;
  routes.gone = gone;
  return routes;
}

const Routes& Router::Route(const Event& event, TaskSteps* task) {
  Impl& impl = *impl_;
  impl.routes.state_error = impl.Read(event, task);
  impl.routes.matched = impl.scratch->matches();
  for (const RuleIndex rule : impl.routes.matched) {
    if (!impl.routes.state_error.ok()) break;
    impl.RouteRule(rule, impl.plan.rules[rule].steps_begin, impl.plan.partition_field, event);
  }
  return impl.Finish();
}

const RuleSet& Router::rules() const { return *impl_->rules; }

}  // namespace turnout::router

#include "router/router.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "router/arena.h"
#include "router/enricher.h"
#include "router/event_parser.h"
#include "router/event_shaper.h"
#include "router/output_gatherer.h"
#include "router/route_plan.h"
#include "router/sample.h"
#include "router/step_engine.h"

namespace turnout::router {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

bool IsNull(std::string_view text) { return text.data() == nullptr; }

// What a target came to for the event at hand.
struct Slot {
  uint64_t event = 0;       // the event it was filled for
  uint32_t output = kNone;  // kNone: rejected
  std::string_view reason;  // why, then
};

// What a form made of the event at hand.
struct FormedEvent {
  uint64_t event = 0;
  Enricher::Result result;
};

// A match that goes on where its next step's key lives.
struct SentOn {
  bool is_shadow = false;
  uint32_t key_field = 0;
  RuleIndex rule = 0;
  state::StepId step = 0;
};

// What a rule sends.
struct Record {
  std::string_view key;
  std::string_view value;
};

}  // namespace

struct Router::Impl {
  Impl(std::shared_ptr<const RuleSet> the_rules, const TableLookup* tables)
      : rules(std::move(the_rules)),
        plan(rules->plan()),
        scratch(rules->matcher().NewScratch()),
        slots(plan.targets.size()),
        formed(plan.forms.size()),
        enricher(tables),
        gatherer(*rules) {
    if (rules->keeps_state()) engine.emplace(plan, rules->settings());
  }

  void Start();
  absl::Status Read(const Event& event, TaskSteps* task);
  const Routes& Finish();
  void RouteRule(RuleIndex rule, uint32_t first_step, uint32_t local_key, const Event& event);
  void RouteInRollout(RuleIndex rule, uint32_t first_step, uint32_t local_key, const Event& event);
  void SendMatch(RuleIndex rule, const Event& event);
  void ShadowMatch(RuleIndex rule, const Event& event);
  void AddShadowed(const Shadowed& record);
  bool SendsWindow(const ClosedWindow& window);
  // The key that decides whether a match is in its rule's share.
  std::string_view ShareKey(RuleIndex rule, const Event& event) const;
  void ContinueRule(state::StepId step, std::string_view rule_id, bool is_shadow,
                    const Event& event);
  bool PassesSteps(RuleIndex rule, uint32_t first_step, uint32_t local_key);
  bool IsShadow(RuleIndex rule) const {
    const uint32_t rollout = plan.rules[rule].rollout;
    return rollout != RoutePlan::kFullRollout && plan.rollouts[rollout].is_shadow;
  }
  absl::Status StartSteps(const Event& event, TaskSteps* task);
  bool PassesState(RuleIndex rule, const StepPlan& step);
  // What the rule makes of the event; nothing after it was rejected or stopped.
  std::optional<Record> MakeRecord(RuleIndex rule, const Event& event);
  void RouteFeature(RuleIndex rule);
  void SendOn(RuleIndex rule, const StepPlan& step);
  void Reject(RuleIndex rule, const StepPlan& step, const StepEngine::Fault& fault);
  void RejectFull(RuleIndex rule, const StepPlan& step);
  void GatherRekeyed();
  const Enricher::Result& Formed(uint32_t form, const Event& event);
  Enricher::Result FormEvent(const RoutePlan::Form& form, const Event& event);
  Enricher::Result CantBeRead(std::string_view needed_by, const absl::Status& why);
  // Rejects or stops the match whose payload came to nothing.
  void GiveUp(RuleIndex rule, const Enricher::Result& result);
  void ResolveTarget(uint32_t target_id, std::string_view key, std::string_view value, Slot* slot);
  // The topic's name; null data() after setting the slot's reason.
  std::string_view ResolveName(const RoutePlan::Target& target, Slot* slot);
  // The same, of a topic that the team may write.
  std::string_view AllowedName(const RoutePlan::Target& target, Slot* slot);
  std::string_view MissingField(std::string_view field, std::string_view needed_by,
                                std::string_view how);

  const std::shared_ptr<const RuleSet> rules;
  const RoutePlan& plan;
  const std::unique_ptr<Matcher::Scratch> scratch;

  // All of the event at hand; kept for their capacity.
  uint64_t event_number = 0;
  Arena arena;
  std::vector<Slot> slots;          // by target
  std::vector<FormedEvent> formed;  // by form
  Enricher enricher;
  std::optional<StepEngine> engine;  // none if no rule keeps state
  std::vector<ClosedWindow> closed;
  Record feature;  // that the rule at hand sends in the event's place; null value: none
  EventShaper shaper;
  // For payloads that the matcher had no need to read.
  EventParser parser;
  GatheredEvent gathered;
  const FieldTrie no_fields;
  OutputGatherer gatherer;
  std::vector<Output> outputs;
  std::vector<Rejection> rejections;
  std::vector<Stopped> stopped;
  std::vector<Shadowed> shadowed;
  std::vector<Rejection> shadow_rejections;
  std::vector<RuleIndex> held_back;
  std::vector<SentOn> sent_on;
  std::vector<RuleIndex> rekeyed_rules;
  std::vector<state::StepId> rekeyed_steps;
  std::vector<Rekeyed> rekeyed;
  std::vector<std::string_view> gone;
  Routes routes;
};

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
        SendOn(rule, step);
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

// Its destinations are constants that the team may write.
void Router::Impl::RouteFeature(RuleIndex rule) {
  for (uint32_t i = plan.rules[rule].begin; i < plan.rules[rule + 1].begin; ++i) {
    const RoutePlan::Target& target = plan.targets[plan.target_ids[i]];
    gatherer.AddRule(
        gatherer.FindOrOpen(target.team, target.destination.text, feature.key, feature.value),
        rule);
  }
  feature = {};
}

void Router::Impl::Reject(RuleIndex rule, const StepPlan& step, const StepEngine::Fault& fault) {
  const std::string_view step_name = arena.Join({"the step `", StepName(step.kind), "`"});
  rejections.push_back({rule, MissingField(plan.fields[fault.field], step_name, fault.how)});
}

void Router::Impl::RejectFull(RuleIndex rule, const StepPlan& step) {
  const std::string_view reason =
      arena.Join({"the step `", StepName(step.kind),
                  "` has no room for this event: the rule keeps as much in this partition as "
                  "`limits.rule_state_bytes_max` lets it, or its team as "
                  "`limits.team_state_bytes_max` does"});
  rejections.push_back({.rule = rule, .reason = reason, .is_full = true});
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

// Once an event and form, however many rules have it.
const Enricher::Result& Router::Impl::Formed(uint32_t form, const Event& event) {
  FormedEvent& slot = formed[form];
  if (slot.event != event_number) {
    slot = {event_number, FormEvent(plan.forms[form], event)};
  }
  return slot.result;
}

Enricher::Result Router::Impl::CantBeRead(std::string_view needed_by, const absl::Status& why) {
  const absl::string_view message = why.message();
  return {.reason = arena.Join({"the rule's `", needed_by, "` needs the payload, which can't be ",
                                "read: ", std::string_view(message.data(), message.size())})};
}

Enricher::Result Router::Impl::FormEvent(const RoutePlan::Form& form, const Event& event) {
  absl::Span<const uint32_t> structurals = scratch->structurals();
  if (structurals.empty()) {
    absl::Status status = routes.payload_error;
    if (status.ok()) {
      gathered.Reset(0);
      status = parser.Parse(event.value, no_fields, &gathered);
    }
    if (!status.ok()) return CantBeRead(form.enrich == nullptr ? "shape" : "enrich", status);
    structurals = parser.structurals();
  }
  std::string_view text = event.value;
  if (form.enrich != nullptr) {
    const Enricher::Result enriched =
        enricher.Enrich(*form.enrich, text, structurals, *scratch, &arena);
    if (enriched.outcome != Enricher::Outcome::kEnriched || form.shape == nullptr) return enriched;
    text = enriched.value;
    gathered.Reset(0);
    const absl::Status status = parser.Parse(text, no_fields, &gathered);
    if (!status.ok()) return CantBeRead("shape", status);
    structurals = parser.structurals();
  }
  const EventShaper::Result shaped = shaper.Shape(*form.shape, text, structurals, &arena);
  if (IsNull(shaped.value)) return {.reason = shaped.reason};
  return {.outcome = Enricher::Outcome::kEnriched, .value = shaped.value};
}

void Router::Impl::GiveUp(RuleIndex rule, const Enricher::Result& result) {
  if (result.outcome == Enricher::Outcome::kDropped) {
    stopped.push_back({rule, StepKind::kEnrich});
  } else {
    rejections.push_back({rule, result.reason, result.outcome == Enricher::Outcome::kParked});
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

void Router::Impl::ResolveTarget(uint32_t target_id, std::string_view key, std::string_view value,
                                 Slot* slot) {
  const RoutePlan::Target& target = plan.targets[target_id];
  *slot = {.event = event_number};
  const std::string_view name = AllowedName(target, slot);
  if (IsNull(name)) return;
  slot->output = gatherer.FindOrOpen(target.team, name, key, value);
}

// Steps from `first_step` on; those that keep state by the field `local_key` keep it here.
void Router::Impl::RouteRule(RuleIndex rule, uint32_t first_step, uint32_t local_key,
                             const Event& event) {
  if (plan.rules[rule].rollout != RoutePlan::kFullRollout) {
    return RouteInRollout(rule, first_step, local_key, event);
  }
  if (PassesSteps(rule, first_step, local_key)) SendMatch(rule, event);
}

std::optional<Record> Router::Impl::MakeRecord(RuleIndex rule, const Event& event) {
  const RoutePlan::RuleTargets& from = plan.rules[rule];
  Record record = {.key = event.key, .value = event.value};
  if (from.form != RoutePlan::kOwnForm) {
    const Enricher::Result& result = Formed(from.form, event);
    if (result.outcome != Enricher::Outcome::kEnriched) {
      GiveUp(rule, result);
      return std::nullopt;
    }
    record.value = result.value;
  }
  if (from.key_field == RoutePlan::kOwnKey) return record;
  record.key = scratch->Field(from.key_field);
  if (!IsNull(record.key)) return record;
  rejections.push_back({rule, MissingField(plan.fields[from.key_field], "the record key",
                                           "absent, null or not a scalar")});
  return std::nullopt;
}

void Router::Impl::SendMatch(RuleIndex rule, const Event& event) {
  if (!IsNull(feature.value)) return RouteFeature(rule);
  const std::optional<Record> record = MakeRecord(rule, event);
  if (!record) return;
  for (uint32_t i = plan.rules[rule].begin; i < plan.rules[rule + 1].begin; ++i) {
    Slot& slot = slots[plan.target_ids[i]];
    if (slot.event != event_number) {
      ResolveTarget(plan.target_ids[i], record->key, record->value, &slot);
    }
    if (slot.output == kNone) {
      rejections.push_back({rule, slot.reason});
    } else {
      gatherer.AddRule(slot.output, rule);
    }
  }
}

// Its steps see every match, so that what they remember has nothing of the share in it; what comes
// behind them is sent, would be sent, or is held back.
void Router::Impl::RouteInRollout(RuleIndex rule, uint32_t first_step, uint32_t local_key,
                                  const Event& event) {
  const RolloutPlan& rollout = plan.rollouts[plan.rules[rule].rollout];
  const size_t rejected = rejections.size();
  const bool passes = PassesSteps(rule, first_step, local_key);
  if (!passes && rejections.size() == rejected) return;
  if (!rollout.Takes(ShareKey(rule, event))) {
    held_back.push_back(rule);
    feature = {};
    rejections.resize(rejected);
    return;
  }
  if (!rollout.is_shadow) {
    if (passes) SendMatch(rule, event);
    return;
  }
  if (passes) ShadowMatch(rule, event);
  shadow_rejections.insert(shadow_rejections.end(), rejections.begin() + rejected,
                           rejections.end());
  rejections.resize(rejected);
}

// The record's, whether or not there comes to be one; where there is none, the payload.
std::string_view Router::Impl::ShareKey(RuleIndex rule, const Event& event) const {
  if (!IsNull(feature.value)) return feature.key;
  const uint32_t key_field = plan.rules[rule].key_field;
  const std::string_view key =
      key_field == RoutePlan::kOwnKey ? event.key : scratch->Field(key_field);
  return IsNull(key) ? event.value : key;
}

void Router::Impl::ShadowMatch(RuleIndex rule, const Event& event) {
  const bool is_feature = !IsNull(feature.value);
  const std::optional<Record> record =
      is_feature ? std::exchange(feature, {}) : MakeRecord(rule, event);
  if (!record) return;
  for (uint32_t i = plan.rules[rule].begin; i < plan.rules[rule + 1].begin; ++i) {
    Slot slot;
    const std::string_view name = AllowedName(plan.targets[plan.target_ids[i]], &slot);
    if (IsNull(name)) {
      rejections.push_back({rule, slot.reason});
    } else {
      AddShadowed({.rule = rule, .destination = name, .key = record->key, .value = record->value});
    }
  }
}

// Once, if two destinations of the rule came to the same topic.
void Router::Impl::AddShadowed(const Shadowed& record) {
  for (size_t i = shadowed.size(); i > 0 && shadowed[i - 1].rule == record.rule; --i) {
    const Shadowed& other = shadowed[i - 1];
    if (!other.window_end_ms && other.destination == record.destination) return;
  }
  shadowed.push_back(record);
}

bool Router::Impl::SendsWindow(const ClosedWindow& window) {
  const RoutePlan::RuleTargets& from = plan.rules[window.rule];
  if (from.rollout == RoutePlan::kFullRollout) return true;
  const RolloutPlan& rollout = plan.rollouts[from.rollout];
  if (!rollout.Takes(window.key)) {
    held_back.push_back(window.rule);
    return false;
  }
  if (!rollout.is_shadow) return true;
  for (uint32_t i = from.begin; i < plan.rules[window.rule + 1].begin; ++i) {
    shadowed.push_back({.rule = window.rule,
                        .destination = plan.targets[plan.target_ids[i]].destination.text,
                        .key = window.key,
                        .value = window.value,
                        .window_end_ms = window.end_ms});
  }
  return false;
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

void Router::Impl::ContinueRule(state::StepId step, std::string_view rule_id, bool is_shadow,
                                const Event& event) {
  const std::vector<RuleInfo>& infos = rules->rules();
  const auto found = std::lower_bound(
      infos.begin(), infos.end(), rule_id,
      [](const RuleInfo& info, std::string_view sought) { return info.id < sought; });
  if (found == infos.end() || found->id != rule_id) {
    if (!is_shadow) gone.push_back(rule_id);
    routes.lacks_steps = true;
    return;
  }
  const auto rule = static_cast<RuleIndex>(found - infos.begin());
  for (uint32_t i = plan.rules[rule].steps_begin; i < plan.rules[rule + 1].steps_begin; ++i) {
    if (plan.steps[i].id == step) return RouteRule(rule, i, plan.steps[i].key_field, event);
  }
  routes.lacks_steps = true;
  (is_shadow ? shadow_rejections : rejections)
      .push_back({rule,
                  "the rule has changed since the event was re-keyed for one of its steps, and has "
                  "that step no more"});
}

const Routes& Router::Continue(const Event& event, absl::Span<const state::StepId> steps,
                               std::string_view rule_ids, bool is_shadow, TaskSteps* task) {
  Impl& impl = *impl_;
  impl.routes.state_error = impl.Read(event, task);
  impl.routes.matched = {};
  for (const state::StepId step : steps) {
    if (!impl.routes.state_error.ok()) break;
    const size_t end = std::min(rule_ids.find(','), rule_ids.size());
    impl.ContinueRule(step, rule_ids.substr(0, end), is_shadow, event);
    rule_ids.remove_prefix(std::min(end + 1, rule_ids.size()));
  }
  return impl.Finish();
}

const RuleSet& Router::rules() const { return *impl_->rules; }

}  // namespace turnout::router

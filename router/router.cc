#include "router/router.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "router/arena.h"
#include "router/enricher.h"
#include "router/event_parser.h"
#include "router/event_shaper.h"
#include "router/route_plan.h"
#include "router/sample.h"
#include "router/step_engine.h"

namespace turnout::router {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

bool IsNull(std::string_view text) { return text.data() == nullptr; }

// The same bytes, mostly because they are the same place.
bool IsSameValue(std::string_view a, std::string_view b) {
  return (a.data() == b.data() && a.size() == b.size()) || a == b;
}

// What a target came to for the event at hand.
struct Slot {
  uint64_t event = 0;         // the event it was filled for
  uint32_t output = kNone;    // kNone: rejected
  std::string_view reason;    // why, then
};

// What a form made of the event at hand.
struct FormedEvent {
  uint64_t event = 0;
  Enricher::Result result;
};

// An output whose rules are still being gathered, as a chain in Router::Impl::links.
struct OpenOutput {
  uint32_t team = 0;
  std::string_view destination;
  std::string_view key;
  std::string_view value;
  uint32_t first_link = kNone;
  uint32_t last_link = kNone;
  uint32_t rule_count = 0;
  size_t id_bytes = 0;  // of all rules' ids
};

// A match that goes on where its next step's key lives.
struct SentOn {
  uint32_t key_field = 0;
  RuleIndex rule = 0;
  state::StepId step = 0;
};

// A record that a rule sends in the event's place.
struct FeatureOutput {
  std::string_view key;
  std::string_view value;  // null data(): none
};

struct Link {
  RuleIndex rule = 0;
  uint32_t next = kNone;
};

// Open outputs by team, destination and key. Emptied in no time: entries of older events count as
// free.
class OutputTable {
 public:
  static size_t Hash(uint32_t team, std::string_view destination, std::string_view key,
                     std::string_view value) {
    const std::hash<std::string_view> hash;
    return ((hash(destination) * 31 + hash(key)) * 31 + value.size()) * 31 + team;
  }

  // The first position of that hash for the event, then the next ones by Next.
  size_t Start(size_t hash) const { return hash & (entries_.size() - 1); }
  size_t Next(size_t position) const { return (position + 1) & (entries_.size() - 1); }
  uint32_t At(size_t position, uint64_t event) const {
    return entries_[position].event == event ? entries_[position].output : kNone;
  }
  void Put(size_t position, uint64_t event, uint32_t output) {
    entries_[position] = {event, output};
  }

  // Whether one more output would make it too full; then Grow and put all of them again.
  bool IsFull(size_t outputs) const { return (outputs + 1) * 2 > entries_.size(); }
  void Grow() { entries_.assign(entries_.size() * 2, {}); }

 private:
  struct Entry {
    uint64_t event = 0;
    uint32_t output = kNone;
  };
  std::vector<Entry> entries_ = std::vector<Entry>(64);
};

}  // namespace

struct Router::Impl {
  Impl(std::shared_ptr<const RuleSet> the_rules, const TableLookup* tables)
      : rules(std::move(the_rules)),
        plan(rules->plan()),
        scratch(rules->matcher().NewScratch()),
        slots(plan.targets.size()),
        formed(plan.forms.size()),
        enricher(tables) {
    if (rules->keeps_state()) engine.emplace(plan, rules->settings());
  }

  void Start();
  absl::Status Read(const Event& event, TaskSteps* task);
  const Routes& Finish();
  void RouteRule(RuleIndex rule, uint32_t first_step, uint32_t local_key, const Event& event);
  void ContinueRule(state::StepId step, std::string_view rule_id, const Event& event);
  bool PassesSteps(RuleIndex rule, uint32_t first_step, uint32_t local_key);
  absl::Status StartSteps(const Event& event, TaskSteps* task);
  bool PassesState(RuleIndex rule, const StepPlan& step);
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
  std::string_view MissingField(std::string_view field, std::string_view needed_by,
                                std::string_view how);
  uint32_t FindOrOpen(uint32_t team, std::string_view destination, std::string_view key,
                      std::string_view value);
  void PutAgain();
  void AddLink(uint32_t output, RuleIndex rule);
  void CloseOutputs();
  Output Close(const OpenOutput& open, RuleIndex* rule_space);

  const std::shared_ptr<const RuleSet> rules;
  const RoutePlan& plan;
  const std::unique_ptr<Matcher::Scratch> scratch;

  // All of the event at hand; kept for their capacity.
  uint64_t event_number = 0;
  Arena arena;
  std::vector<Slot> slots;  // by target
  std::vector<FormedEvent> formed;  // by form
  Enricher enricher;
  std::optional<StepEngine> engine;  // none if no rule keeps state
  std::vector<ClosedWindow> closed;
  FeatureOutput feature;  // of the rule at hand
  EventShaper shaper;
  // For payloads that the matcher had no need to read.
  EventParser parser;
  GatheredEvent gathered;
  const FieldTrie no_fields;
  std::vector<OpenOutput> open;
  OutputTable table;
  std::vector<Link> links;
  std::vector<RuleIndex> output_rules;
  std::vector<Output> outputs;
  std::vector<Rejection> rejections;
  std::vector<Stopped> stopped;
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
  open.clear();
  links.clear();
  outputs.clear();
  rejections.clear();
  stopped.clear();
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
      slot->reason = MissingField(destination.fields[i], needed_by,
                                  "absent, empty, null or not a scalar");
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
    AddLink(FindOrOpen(target.team, target.destination.text, feature.key, feature.value), rule);
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
                  "`limits.rule_state_bytes_max` lets it"});
  rejections.push_back({.rule = rule, .reason = reason, .is_full = true});
}

void Router::Impl::SendOn(RuleIndex rule, const StepPlan& step) {
  if (!engine->HasKey(step, *scratch)) return Reject(rule, step, engine->fault());
  sent_on.push_back({step.key_field, rule, step.id});
}

// One record a key: rules of the same key travel together.
void Router::Impl::GatherRekeyed() {
  std::sort(sent_on.begin(), sent_on.end(), [](const SentOn& a, const SentOn& b) {
    return std::tie(a.key_field, a.rule, a.step) < std::tie(b.key_field, b.rule, b.step);
  });
  rekeyed_rules.clear();
  rekeyed_steps.clear();
  for (const SentOn& one : sent_on) {
    rekeyed_rules.push_back(one.rule);
    rekeyed_steps.push_back(one.step);
  }
  for (size_t begin = 0, end = 0; begin < sent_on.size(); begin = end) {
    const uint32_t key_field = sent_on[begin].key_field;
    size_t bytes = 0;
    for (; end < sent_on.size() && sent_on[end].key_field == key_field; ++end) {
      bytes += rules->rules()[sent_on[end].rule].id.size() + 1;
    }
    char* const text = arena.Allocate(bytes);
    char* at = text;
    for (size_t i = begin; i < end; ++i) {
      if (at != text) *at++ = ',';
      const std::string_view id = rules->rules()[sent_on[i].rule].id;
      at = std::copy(id.begin(), id.end(), at);
    }
    rekeyed.push_back({.key = scratch->Field(key_field),
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

void Router::Impl::ResolveTarget(uint32_t target_id, std::string_view key, std::string_view value,
                                 Slot* slot) {
  const RoutePlan::Target& target = plan.targets[target_id];
  *slot = {.event = event_number};
  const std::string_view name = ResolveName(target, slot);
  if (IsNull(name)) return;
  std::string_view fault;
  if (!target.destination.is_constant()) fault = TopicNameFault(name);
  if (fault.empty() && target.check_globs) {
    const std::vector<std::string>& globs = plan.globs[target.team];
    const bool allowed = std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
      return GlobMatches(glob, name);
    });
    if (!allowed) fault = "is not among the team's `destinations`";
  }
  if (!fault.empty()) {
    slot->reason = arena.Join({"destination `", target.destination.text, "` came out as `", name,
                               "`, which ", fault});
    return;
  }
  slot->output = FindOrOpen(target.team, name, key, value);
}

uint32_t Router::Impl::FindOrOpen(uint32_t team, std::string_view destination,
                                  std::string_view key, std::string_view value) {
  if (table.IsFull(open.size())) PutAgain();
  size_t position = table.Start(OutputTable::Hash(team, destination, key, value));
  for (uint32_t found; (found = table.At(position, event_number)) != kNone;
       position = table.Next(position)) {
    const OpenOutput& other = open[found];
    // No key at all and an empty key are different records.
    if (other.team == team && other.destination == destination && other.key == key &&
        IsNull(other.key) == IsNull(key) && IsSameValue(other.value, value)) {
      return found;
    }
  }
  const auto output = static_cast<uint32_t>(open.size());
  table.Put(position, event_number, output);
  open.push_back({.team = team, .destination = destination, .key = key, .value = value});
  return output;
}

void Router::Impl::PutAgain() {
  table.Grow();
  for (uint32_t i = 0; i < open.size(); ++i) {
    size_t position = table.Start(OutputTable::Hash(open[i].team, open[i].destination, open[i].key,
                                                    open[i].value));
    while (table.At(position, event_number) != kNone) position = table.Next(position);
    table.Put(position, event_number, i);
  }
}

void Router::Impl::AddLink(uint32_t output, RuleIndex rule) {
  OpenOutput& to = open[output];
  // A rule whose two destinations come to the same topic is named once; its links are neighbours.
  if (to.last_link != kNone && links[to.last_link].rule == rule) return;
  const auto link = static_cast<uint32_t>(links.size());
  links.push_back({.rule = rule});
  (to.last_link == kNone ? to.first_link : links[to.last_link].next) = link;
  to.last_link = link;
  ++to.rule_count;
  to.id_bytes += rules->rules()[rule].id.size();
}

// Steps from `first_step` on; those that keep state by the field `local_key` keep it here.
void Router::Impl::RouteRule(RuleIndex rule, uint32_t first_step, uint32_t local_key,
                             const Event& event) {
  const RoutePlan::RuleTargets& from = plan.rules[rule];
  if (!PassesSteps(rule, first_step, local_key)) return;
  if (!IsNull(feature.value)) return RouteFeature(rule);
  std::string_view value = event.value;
  if (from.form != RoutePlan::kOwnForm) {
    const Enricher::Result& result = Formed(from.form, event);
    if (result.outcome != Enricher::Outcome::kEnriched) return GiveUp(rule, result);
    value = result.value;
  }
  std::string_view key = event.key;
  if (from.key_field != RoutePlan::kOwnKey) {
    key = scratch->Field(from.key_field);
    if (IsNull(key)) {
      rejections.push_back({rule, MissingField(plan.fields[from.key_field], "the record key",
                                               "absent, null or not a scalar")});
      return;
    }
  }
  for (uint32_t i = from.begin; i < plan.rules[rule + 1].begin; ++i) {
    Slot& slot = slots[plan.target_ids[i]];
    if (slot.event != event_number) ResolveTarget(plan.target_ids[i], key, value, &slot);
    if (slot.output == kNone) {
      rejections.push_back({rule, slot.reason});
    } else {
      AddLink(slot.output, rule);
    }
  }
}

Output Router::Impl::Close(const OpenOutput& from, RuleIndex* rule_space) {
  const std::vector<RuleInfo>& infos = rules->rules();
  Output output{.destination = from.destination,
                .key = from.key,
                .value = from.value,
                .rules = absl::MakeConstSpan(rule_space, from.rule_count)};
  if (from.rule_count == 1) {
    *rule_space = links[from.first_link].rule;
    output.rule_ids = infos[*rule_space].id;
    return output;
  }
  const size_t bytes = from.id_bytes + from.rule_count - 1;
  char* const text = arena.Allocate(bytes);
  char* end = text;
  for (uint32_t link = from.first_link; link != kNone; link = links[link].next) {
    if (end != text) *end++ = ',';
    const std::string_view id = infos[links[link].rule].id;
    end = std::copy(id.begin(), id.end(), end);
    *rule_space++ = links[link].rule;
  }
  output.rule_ids = {text, bytes};
  return output;
}

void Router::Impl::CloseOutputs() {
  output_rules.resize(links.size());
  RuleIndex* rule_space = output_rules.data();
  for (const OpenOutput& from : open) {
    outputs.push_back(Close(from, rule_space));
    rule_space += from.rule_count;
  }
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
  CloseOutputs();
  GatherRekeyed();
  routes.outputs = outputs;
  routes.rejections = rejections;
  routes.stopped = stopped;
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

void Router::Impl::ContinueRule(state::StepId step, std::string_view rule_id, const Event& event) {
  const std::vector<RuleInfo>& infos = rules->rules();
  const auto found = std::lower_bound(
      infos.begin(), infos.end(), rule_id,
      [](const RuleInfo& info, std::string_view sought) { return info.id < sought; });
  if (found == infos.end() || found->id != rule_id) {
    gone.push_back(rule_id);
    routes.lacks_steps = true;
    return;
  }
  const auto rule = static_cast<RuleIndex>(found - infos.begin());
  for (uint32_t i = plan.rules[rule].steps_begin; i < plan.rules[rule + 1].steps_begin; ++i) {
    if (plan.steps[i].id == step) return RouteRule(rule, i, plan.steps[i].key_field, event);
  }
  routes.lacks_steps = true;
  rejections.push_back({rule,
                        "the rule has changed since the event was re-keyed for one of its steps, "
                        "and has that step no more"});
}

const Routes& Router::Continue(const Event& event, absl::Span<const state::StepId> steps,
                               std::string_view rule_ids, TaskSteps* task) {
  Impl& impl = *impl_;
  impl.routes.state_error = impl.Read(event, task);
  impl.routes.matched = {};
  for (const state::StepId step : steps) {
    if (!impl.routes.state_error.ok()) break;
    const size_t end = std::min(rule_ids.find(','), rule_ids.size());
    impl.ContinueRule(step, rule_ids.substr(0, end), event);
    rule_ids.remove_prefix(std::min(end + 1, rule_ids.size()));
  }
  return impl.Finish();
}

const RuleSet& Router::rules() const { return *impl_->rules; }

}  // namespace turnout::router

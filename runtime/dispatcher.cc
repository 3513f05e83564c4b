#include "runtime/dispatcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "connectors/record_size.h"
#include "runtime/record_headers.h"
#include "runtime/rejection_kind.h"
#include "runtime/rekey.h"

namespace turnout::runtime {

using connectors::Event;
using connectors::Header;
using connectors::OutputRecord;

namespace {

// Destinations that are counted by name under one rule set; the rest is counted as `other`.
constexpr size_t kCountedTopicsMax = 100'000;
constexpr char kLacksKey[] =
    "the topic is compacted and takes no record without a key; give the rule a `key`";

absl::string_view AbslView(std::string_view text) { return {text.data(), text.size()}; }

// The step of what goes no further; none behind all of them.
template <typename Match>
absl::Span<const state::StepId> StepOf(const Match& match) {
  return absl::MakeConstSpan(&match.step, match.step == router::kNoStep ? 0 : 1);
}

}  // namespace

Dispatcher::Dispatcher(DispatcherOptions options, connectors::Sink* sink,
                       Destinations* destinations, Parking* parking, TeamBudgets* budgets)
    : options_(std::move(options)),
      sink_(sink),
      destinations_(destinations),
      parking_(parking),
      budgets_(budgets) {}

void Dispatcher::UseRules(const std::shared_ptr<const router::RuleSet>& rules) {
  Reset();
  place_of_topic_.clear();
  rules_ = rules;
  slot_of_rule_.assign(rules->rules().size(), 0);
  teams_.clear();
  team_of_rule_.clear();
  for (const router::RuleInfo& rule : rules->rules()) {  // a team's stand together
    if (teams_.empty() || teams_.back().name != rule.team()) teams_.push_back({rule.team(), {}});
    team_of_rule_.push_back(static_cast<uint32_t>(teams_.size() - 1));
  }
  teams_.push_back({kOtherSeries, {}});
}

void BatchCounts::Clear() {
  events = event_bytes = outputs = parked = drained = dead_lettered_events = 0;
  rule_counts.clear();
  destinations.clear();
  teams.clear();
  dead_letters.clear();
  sent.clear();
}

void Dispatcher::ForgetPlaces() {
  for (const RuleCounts& counts : counts_.rule_counts) slot_of_rule_[counts.rule] = 0;
  ++batch_;
}

void Dispatcher::Reset() {
  ForgetPlaces();
  counts_.Clear();
}

void Dispatcher::TakeCounts(BatchCounts* counts) {
  ForgetPlaces();
  std::swap(*counts, counts_);
  counts_.Clear();
}

void Dispatcher::Begin(const Event& event, std::string_view source) {
  ++counts_.events;
  counts_.event_bytes += event.value.size();
  source_.assign(source);
  if (!source.empty()) return;
  source_.assign(options_.source_topic);
  absl::StrAppend(&source_, "/", event.partition, "/", event.offset);
}

absl::Status Dispatcher::DispatchForeign(const Event& event) {
  Begin(event, {});
  ++counts_.dead_lettered_events;
  return DeadLetter(event, {.kind = kErrorUnreadable,
                            .reason = "this is no re-keyed event: somebody else writes to the "
                                      "re-key topic, which is for Turnout alone"});
}

absl::Status Dispatcher::GiveUp(const RoutedEvent& routed, const Surrender& surrender) {
  Begin(*routed.event, routed.source);
  if (routed.is_shadow) return absl::OkStatus();
  ++counts_.dead_lettered_events;
  const std::string timestamp = absl::StrCat(routed.event->timestamp_ms);
  Event event = *routed.event;
  event.timestamp_ms = absl::ToUnixMillis(surrender.now);
  std::vector<Header> headers;
  if (!surrender.bare) {
    headers.assign(routed.event->headers.begin(), routed.event->headers.end());
  }
  headers.emplace_back(kTimestampHeader, timestamp);
  event.headers = headers;
  if (surrender.bare) event.key = {};
  return DeadLetter(event, {.kind = kErrorPoison,
                            .reason = surrender.why,
                            .without_value = surrender.bare,
                            .destination = routed.from.destination,
                            .rule_ids = routed.from.rule_ids,
                            .steps = routed.from.steps,
                            .is_record = routed.from.is_record});
}

// Those of which nothing is sent are done with.
void Dispatcher::CountMatches(const router::Routes& routes) {
  for (const router::RuleIndex rule : routes.matched) ++CountsOf(rule).matched;
  for (const router::Stopped& stopped : routes.stopped) {
    RuleCounts& counts = CountsOf(stopped.rule);
    ++counts.stopped[static_cast<size_t>(stopped.step)];
    counts.late += stopped.late;
  }
  for (const router::Shadowed& shadowed : routes.shadowed) ++CountsOf(shadowed.rule).shadowed;
  for (const router::RuleIndex rule : routes.held_back) ++CountsOf(rule).held_back;
  if (!routes.payload_error.ok()) return;
  for (const router::Rejection& rejection : routes.shadow_rejections) {
    RuleCounts& counts = CountsOf(rejection.rule);
    ++counts.shadow_dead_lettered;
    counts.state_full += rejection.is_full;
  }
}

absl::Status Dispatcher::Dispatch(const Event& event, std::string_view source,
                                  const router::Routes& routes) {
  Begin(event, source);
  CountMatches(routes);
  counts_.dead_lettered_events += !routes.payload_error.ok();
  // Live traffic has dead-lettered what a replay can't read either.
  if (!routes.payload_error.ok() && options_.replay_job.empty()) {
    const absl::string_view message = routes.payload_error.message();
    const absl::Status status =
        DeadLetter(event, {.kind = kErrorUnreadable, .reason = {message.data(), message.size()}});
    if (!status.ok()) return status;
  }
  for (const router::Output& output : routes.outputs) {
    const absl::Status status =
        output.window_end_ms ? SendWindow(event, output) : SendOutput(event, output);
    if (!status.ok()) return status;
  }
  for (const router::Rekeyed& rekeyed : routes.rekeyed) {
    if (absl::Status status = SendRekeyed(event, rekeyed); !status.ok()) return status;
  }
  for (const router::Gone& gone : routes.gone) {
    const absl::Status status = DeadLetter(
        event, {.kind = kErrorUnroutable,
                .reason = "the event was sent on for this rule, which is not in force any more, or "
                          "was waited for in vain",
                .destination = gone.destination,
                .rule_ids = gone.rule_id,
                .steps = StepOf(gone),
                .is_record = gone.is_record});
    if (!status.ok()) return status;
  }
  // An event that could not be read is in the dead-letter topic already; what it lacks is no news.
  if (!routes.payload_error.ok()) return absl::OkStatus();
  for (const router::Rejection& rejection : routes.rejections) {
    if (rejection.is_full) ++CountsOf(rejection.rule).state_full;
    const absl::Status status = DeadLetter(event, {.kind = ErrorKindOf(rejection),
                                                   .reason = rejection.reason,
                                                   .park = rejection.park,
                                                   .destination = rejection.destination,
                                                   .rule_ids = rules_->rules()[rejection.rule].id,
                                                   .rules = absl::MakeConstSpan(&rejection.rule, 1),
                                                   .steps = StepOf(rejection),
                                                   .is_record = rejection.is_record});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// It has nothing of the event that closed it but the position. What can't be delivered is the
// window: the event is well.
absl::Status Dispatcher::SendWindow(const Event& event, const router::Output& output) {
  Event window = event;
  window.timestamp_ms = *output.window_end_ms;
  window.key = output.key;
  window.value = output.value;
  window.headers = {};
  return SendOutput(window, output);
}

absl::StatusOr<Dispatcher::Room> Dispatcher::RoomFor(const OutputRecord& record) {
  const int64_t bytes = connectors::RecordBatchBytes(record);
  const absl::StatusOr<const Destination*> found = destinations_->Find(record.topic, bytes);
  if (!found.ok()) return found.status();
  return Room{*found, bytes};
}

absl::StatusOr<Dispatcher::Room> Dispatcher::OwnRoomFor(const OutputRecord& record,
                                                        std::string_view kind) {
  absl::StatusOr<Room> room = RoomFor(record);
  if (!room.ok() || room->topic->available) return room;
  return absl::UnavailableError(absl::StrFormat("the %s topic '%s' can't be written: %s",
                                                std::string(kind), std::string(record.topic),
                                                room->topic->reason));
}

void Dispatcher::SetTooLarge(std::string_view what, const Room& room) {
  reason_.assign(what);
  absl::StrAppendFormat(&reason_,
                        " takes %d bytes and the topic at most %d; raise the topic's "
                        "max.message.bytes or send less",
                        room.bytes, room.topic->record_bytes_max);
}

absl::Status Dispatcher::SendRekeyed(const Event& event, const router::Rekeyed& rekeyed) {
  EncodeRekeyed(source_, rekeyed, rules_->hash(), &rekeyed_);
  headers_.assign(event.headers.begin(), event.headers.end());
  headers_.emplace_back(kRekeyedHeader, rekeyed_);
  headers_.emplace_back(kRekeyedKeyHeader, event.key);
  const OutputRecord record{.topic = options_.rekey_topic,
                            .timestamp_ms = event.timestamp_ms,
                            .key = rekeyed.key,
                            .value = event.value,
                            .headers = headers_};
  const absl::StatusOr<Room> room = OwnRoomFor(record, "re-key");
  if (!room.ok()) return room.status();
  if (!room->fits()) {
    if (rekeyed.is_shadow) {
      for (const router::RuleIndex rule : rekeyed.rules) ++CountsOf(rule).shadow_dead_lettered;
      return absl::OkStatus();
    }
    SetTooLarge("re-keyed, the record", *room);
    return DeadLetter(event, {.kind = kErrorTooLarge,
                              .reason = reason_,
                              .destination = options_.rekey_topic,
                              .rule_ids = rekeyed.rule_ids,
                              .rules = rekeyed.rules,
                              .steps = rekeyed.steps});
  }
  if (absl::Status status = sink_->Produce(record); !status.ok()) return status;
  for (const router::RuleIndex rule : rekeyed.rules) ++CountsOf(rule).rekeyed;
  return absl::OkStatus();
}

absl::Status Dispatcher::SendOutput(const Event& event, const router::Output& output) {
  // The pre-flight refuses such rules; only a name that comes from an event's field gets this far.
  if (output.destination == options_.source_topic ||
      output.destination == options_.dead_letter_topic ||
      output.destination == options_.parking_topic ||
      (!options_.rekey_topic.empty() && output.destination == options_.rekey_topic) ||
      (!options_.ingestion_topic.empty() && output.destination == options_.ingestion_topic)) {
    return DeadLetter(event, {.kind = kErrorUnroutable,
                              .reason = "the destination is one of the pipeline's own topics, "
                                        "which only Turnout itself writes to",
                              .destination = output.destination,
                              .rule_ids = output.rule_ids,
                              .rules = output.rules});
  }
  headers_.assign(event.headers.begin(), event.headers.end());
  if (options_.provenance_headers) AddProvenance(output.rule_ids, {});
  const OutputRecord record{.topic = output.destination,
                            .timestamp_ms = event.timestamp_ms,
                            .key = output.key,
                            .value = output.value,
                            .headers = headers_};
  const absl::StatusOr<Room> room = RoomFor(record);
  if (!room.ok()) return room.status();
  const Destination& destination = *room->topic;
  const bool lacks_key = destination.compacted && record.key.data() == nullptr;
  const bool is_held = parking_ != nullptr && parking_->Holds(output.destination);
  const bool is_over = IsOverLimit(output);
  const bool is_taken = destination.available && !lacks_key && room->fits();
  if (is_taken && !is_held && !is_over) {
    if (absl::Status status = sink_->Produce(record); !status.ok()) return status;
    if (budgets_ != nullptr) budgets_->Take(TeamOf(output.rule_ids), room->bytes);
    CountSent(record, &teams_[team_of_rule_[output.rules.front()]]);
    for (const router::RuleIndex rule : output.rules) ++CountsOf(rule).routed;
    return absl::OkStatus();
  }
  const bool is_record = output.is_feature || output.window_end_ms;
  Undeliverable why = {.kind = kErrorUnavailable,
                       .destination = output.destination,
                       .rule_ids = output.rule_ids,
                       .rules = output.rules,
                       .is_record = is_record};
  // What no waiting cures doesn't wait.
  const bool may_wait = destination.available ? is_taken : is_held || destination.is_expected;
  // The reason is a copy: looking up another topic ends the life of `destination`.
  if (!destination.available) {
    reason_ = destination.reason;
  } else if (lacks_key) {
    why.kind = kErrorUnroutable;
    reason_ = kLacksKey;
  } else if (!room->fits()) {
    why.kind = kErrorTooLarge;
    SetTooLarge("the record", *room);
  } else if (is_held) {
    reason_ = "others for this destination wait, and it has to come behind them";
  } else {
    why.kind = kErrorOverLimit;
    reason_ = "the team's outputs take more bytes a second than it may have";
  }
  why.reason = reason_;
  if (parking_ != nullptr && may_wait) {
    const absl::StatusOr<bool> parked = Park(record, why);
    if (!parked.ok() || *parked) return parked.status();
  }
  Event undelivered = event;
  if (is_record) {
    undelivered.key = output.key;
    undelivered.value = output.value;
  }
  return DeadLetter(undelivered, why);
}

bool Dispatcher::IsOverLimit(const router::Output& output) {
  return budgets_ != nullptr && !budgets_->HasAny(TeamOf(output.rule_ids));
}

// False: the parking topic can't take it.
absl::StatusOr<bool> Dispatcher::Park(const OutputRecord& record, const Undeliverable& why) {
  headers_.swap(why_);  // the record shows those that it has
  headers_.clear();
  AddReason(why);
  headers_.swap(why_);
  const absl::StatusOr<bool> parked = parking_->Park(record, why_);
  if (!parked.ok() || !*parked) return parked;
  ++counts_.parked;
  ++counts_.destinations[PlaceOf(record.topic)].parked;
  for (const router::RuleIndex rule : why.rules) ++CountsOf(rule).parked;
  return true;
}

absl::Status Dispatcher::Deliver(const ParkedRecord& parked) {
  const OutputRecord& record = parked.output;
  const absl::StatusOr<Room> room = RoomFor(record);
  if (!room.ok()) return room.status();
  const bool lacks_key = room->topic->compacted && record.key.data() == nullptr;
  ++counts_.drained;
  if (!lacks_key && room->fits()) {
    CountSent(record, TeamNamed(TeamOf(parked.rule_ids)));
    if (budgets_ != nullptr) budgets_->Take(TeamOf(parked.rule_ids), room->bytes);
    return sink_->Produce(record);
  }
  if (lacks_key) {
    reason_ = kLacksKey;
  } else {
    SetTooLarge("the record", *room);
  }
  source_.assign(parked.source);
  return DeadLetter({.timestamp_ms = record.timestamp_ms,
                     .key = record.key,
                     .value = record.value,
                     .headers = record.headers},
                    {.kind = lacks_key ? kErrorUnroutable : kErrorTooLarge,
                     .reason = reason_,
                     .destination = record.topic,
                     .rule_ids = parked.rule_ids,
                     .rule_set = parked.rule_set,
                     .is_record = parked.is_record});
}

absl::Status Dispatcher::DeadLetter(const Event& event, const Undeliverable& why) {
  const std::string& to = why.park ? options_.parking_topic : options_.dead_letter_topic;
  OutputRecord record{
      .topic = to, .timestamp_ms = event.timestamp_ms, .key = event.key, .value = event.value};
  headers_.assign(event.headers.begin(), event.headers.end());
  if (why.without_value) AddOmitted(event, &record);
  AddReason(why);
  record.headers = headers_;

  absl::StatusOr<Room> room = OwnRoomFor(record, why.park ? "parking" : "dead-letter");
  if (!room.ok()) return room.status();
  if (!room->fits()) {
    // Too large even here.
    headers_.clear();
    AddOmitted(event, &record);
    AddReason(why);
    record.headers = headers_;
    room->bytes = connectors::RecordBatchBytes(record);
    if (!room->fits()) record.key = {};
  }
  if (absl::Status status = sink_->Produce(record); !status.ok()) return status;
  CountDeadLetter(why);
  return absl::OkStatus();
}

void Dispatcher::CountSent(const OutputRecord& record, Team* team) {
  ++counts_.outputs;
  const uint32_t place = PlaceOf(record.topic);
  ++counts_.destinations[place].sent;
  counts_.sent.push_back({place, PlaceOf(team), record.timestamp_ms});
}

void Dispatcher::CountDeadLetter(const Undeliverable& why) {
  for (const router::RuleIndex rule : why.rules) {
    RuleCounts& counts = CountsOf(rule);
    ++(why.park ? counts.parked : counts.dead_lettered);
  }
  // As a rule names it, it may be a template, which is no topic.
  if (why.destination.data() != nullptr && why.destination.find('{') == std::string_view::npos) {
    DestinationCounts& counts = counts_.destinations[PlaceOf(why.destination)];
    ++(why.park ? counts.parked : counts.dead_lettered);
  }
  if (why.park) return;
  std::vector<DeadLetterCount>& letters = counts_.dead_letters;
  auto of_kind = std::find_if(letters.begin(), letters.end(),
                              [&](const DeadLetterCount& one) { return one.error == why.kind; });
  if (of_kind == letters.end()) of_kind = letters.insert(of_kind, {.error = why.kind});
  ++of_kind->count;
}

uint32_t Dispatcher::PlaceOf(std::string_view topic) {
  auto known = place_of_topic_.find(AbslView(topic));
  if (known == place_of_topic_.end()) {
    const bool has_room = place_of_topic_.size() < kCountedTopicsMax;
    known = place_of_topic_.try_emplace(std::string(has_room ? topic : kOtherSeries)).first;
  }
  Place& at = known->second;
  if (at.batch != batch_) {
    at = {batch_, static_cast<uint32_t>(counts_.destinations.size())};
    counts_.destinations.push_back({.topic = known->first});
  }
  return at.place;
}

uint32_t Dispatcher::PlaceOf(Team* team) {
  Place& at = team->place;
  if (at.batch != batch_) {
    at = {batch_, static_cast<uint32_t>(counts_.teams.size())};
    counts_.teams.push_back({team->name, {}});
  }
  return at.place;
}

Dispatcher::Team* Dispatcher::TeamNamed(std::string_view name) {
  for (Team& team : teams_) {
    if (team.name == name) return &team;
  }
  return &teams_.back();
}

// The position says where it can be read for as long as the source keeps it.
void Dispatcher::AddOmitted(const Event& event, OutputRecord* record) {
  omitted_.assign(absl::StrCat(event.value.size()));
  headers_.emplace_back(kOmittedHeader, omitted_);
  record->value = {};
}

void Dispatcher::AddReason(const Undeliverable& why) {
  headers_.emplace_back(kErrorHeader, why.kind);
  headers_.emplace_back(kReasonHeader, why.reason);
  if (!why.steps.empty()) {
    steps_.clear();
    AppendSteps(why.steps, &steps_);
    headers_.emplace_back(kStepsHeader, steps_);
  }
  if (why.is_record) headers_.emplace_back(kValueHeader, kValueIsRecord);
  if (why.destination.data() != nullptr) headers_.emplace_back(kDestinationHeader, why.destination);
  AddProvenance(why.rule_ids, why.rule_set);
}

void Dispatcher::AddProvenance(std::string_view rule_ids, std::string_view rule_set) {
  if (rule_ids.data() != nullptr) headers_.emplace_back(kRulesHeader, rule_ids);
  headers_.emplace_back(kRuleSetHeader, rule_set.data() == nullptr ? rules_->hash() : rule_set);
  headers_.emplace_back(kSourceHeader, source_);
  if (!options_.replay_job.empty()) headers_.emplace_back(kReplayHeader, options_.replay_job);
}

RuleCounts& Dispatcher::CountsOf(router::RuleIndex rule) {
  uint32_t& slot = slot_of_rule_[rule];
  if (slot == 0) {
    counts_.rule_counts.push_back({.rule = rule});
    slot = static_cast<uint32_t>(counts_.rule_counts.size());
  }
  return counts_.rule_counts[slot - 1];
}

}  // namespace turnout::runtime

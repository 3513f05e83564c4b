#include "runtime/dispatcher.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "connectors/record_size.h"
#include "router/cloud_event.h"
#include "runtime/record_headers.h"
#include "runtime/rejection_kind.h"
#include "runtime/rekey.h"

namespace turnout::runtime {

using connectors::Event;
using connectors::Header;
using connectors::OutputRecord;

namespace {

constexpr char kLacksKey[] =
    "the topic is compacted and takes no record without a key; give the rule a `key`";

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
  counter_.UseRules(*rules);
  rules_ = rules;
}

void Dispatcher::Begin(const Event& event, std::string_view source) {
  counter_.CountEvent(event.value.size());
  source_.assign(source);
  if (!source.empty()) return;
  source_.assign(options_.source_topic);
  absl::StrAppend(&source_, "/", event.partition, "/", event.offset);
}

absl::Status Dispatcher::DispatchForeign(const Event& event) {
  Begin(event, {});
  counter_.CountUnread();
  return DeadLetter(event, {.kind = kErrorUnreadable,
                            .reason = "this is no re-keyed event: somebody else writes to the "
                                      "re-key topic, which is for Turnout alone"});
}

absl::Status Dispatcher::GiveUp(const RoutedEvent& routed, const Surrender& surrender) {
  Begin(*routed.event, routed.source);
  if (routed.is_shadow) return absl::OkStatus();
  counter_.CountUnread();
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

absl::Status Dispatcher::Dispatch(const Event& event, std::string_view source,
                                  const router::Routes& routes) {
  Begin(event, source);
  counter_.CountMatches(routes);
  if (!routes.payload_error.ok()) counter_.CountUnread();
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
    if (rejection.is_full) ++counter_.Of(rejection.rule).state_full;
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
      for (const router::RuleIndex rule : rekeyed.rules) ++counter_.Of(rule).shadow_dead_lettered;
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
  for (const router::RuleIndex rule : rekeyed.rules) ++counter_.Of(rule).rekeyed;
  return absl::OkStatus();
}

void Dispatcher::TakeHeaders(const Event& event, const router::Output& output) {
  headers_.assign(event.headers.begin(), event.headers.end());
  if (output.content_type.data() == nullptr) return;
  std::erase_if(headers_, [](const Header& one) { return router::IsOfCloudEvent(one.first); });
  headers_.emplace_back(router::kContentTypeHeader, output.content_type);
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
  TakeHeaders(event, output);
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
    counter_.CountSent(record.topic, record.timestamp_ms, output.rules);
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
  counter_.CountParked(record.topic, why.rules);
  return true;
}

absl::Status Dispatcher::Deliver(const ParkedRecord& parked) {
  const OutputRecord& record = parked.output;
  const absl::StatusOr<Room> room = RoomFor(record);
  if (!room.ok()) return room.status();
  const bool lacks_key = room->topic->compacted && record.key.data() == nullptr;
  counter_.CountDrained();
  if (!lacks_key && room->fits()) {
    counter_.CountSentOn(record.topic, record.timestamp_ms, TeamOf(parked.rule_ids));
    if (budgets_ != nullptr) budgets_->Take(TeamOf(parked.rule_ids), room->bytes);
    return sink_->Produce(record);
  }
  if (lacks_key) {
    reason_ = kLacksKey;
  } else {
    SetTooLarge("the record", *room);
  }
  return DeadLetterParked(parked, lacks_key ? kErrorUnroutable : kErrorTooLarge, reason_,
                          {.timestamp_ms = record.timestamp_ms,
                           .key = record.key,
                           .value = record.value,
                           .headers = record.headers});
}

absl::Status Dispatcher::GiveUpParked(const ParkedRecord& parked, std::string_view why,
                                      absl::Time now) {
  const OutputRecord& record = parked.output;
  const std::string timestamp = absl::StrCat(record.timestamp_ms);
  std::vector<Header> headers(record.headers.begin(), record.headers.end());
  headers.emplace_back(kTimestampHeader, timestamp);
  counter_.CountDrained();
  return DeadLetterParked(parked, kErrorPoison, why,
                          {.timestamp_ms = absl::ToUnixMillis(now),
                           .key = record.key,
                           .value = record.value,
                           .headers = headers});
}

absl::Status Dispatcher::DeadLetterParked(const ParkedRecord& parked, std::string_view kind,
                                          std::string_view reason, const Event& event) {
  source_.assign(parked.source);
  return DeadLetter(event, {.kind = kind,
                            .reason = reason,
                            .destination = parked.output.topic,
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
  if (why.park) {
    counter_.CountSetAside(why.destination, why.rules);
  } else {
    counter_.CountDeadLetter(why.kind, why.destination, why.rules);
  }
  return absl::OkStatus();
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

}  // namespace turnout::runtime

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/worker_impl.h"

namespace turnout::runtime {
namespace {

using connectors::Event;

// Whether a transaction is full is looked at once in so many events.
constexpr size_t kFullCheckEvery = 64;

// The most that is polled by and by without a change of assignment: a rebalance waits no longer.
constexpr absl::Duration kGoesOnMax = absl::Milliseconds(200);

}  // namespace

// `most` of them at most; what is left is for the next one.
void Worker::Impl::BeginTransaction(absl::Span<const Event> events, size_t most) {
  const absl::Status built = BuildTransaction(events.first(most));
  rest = rest.empty() ? events.subspan(most) : events.subspan(rest.data() - events.data());
  if (!built.ok()) return NotCommitted(built);
  if (open.empty()) {
    backoff = options.backoff_min;
    if (clock->Now() - status_told >= kIdleStatusEvery) TellRunning();
    return;
  }
  EndTransaction();
  StepCommitting();
}

// Begins a transaction and puts into it what these events lead to, up to where it is full.
absl::Status Worker::Impl::BuildTransaction(absl::Span<const Event> events) {
  open.Clear();
  open.began = clock->Now();
  dispatcher.Reset();
  rest = {};
  absl::Status built;
  bool is_open = false;
  // What is tried with care is tried by itself.
  const bool is_careful = !events.empty() && caution.IsCareful(events.front());
  if (!is_careful && HasParked()) built = DrainInto(&is_open);
  Task* task = nullptr;  // of the event at hand
  for (size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    if (built.ok() && i % kFullCheckEvery == kFullCheckEvery - 1 && IsFull()) {
      rest = events.subspan(i);
      break;
    }
    if (task == nullptr || task->partition != event.partition) task = tasks.Find(event.partition);
    if (routing.decodes() && task != nullptr && AwaitsSchema(task, event, built.ok())) continue;
    if (task != nullptr && task->phase == TaskPhase::kReplaying) {
      if (!built.ok()) continue;  // all of a replay since its last commit is read again
      const absl::StatusOr<bool> replayed = tasks.Replay(task, event);
      if (!replayed.ok()) built = StateFailed(task, replayed.status());
      if (!replayed.ok() || *replayed) continue;
    }
    // After a failure the rest is touched all the same: the shares say what has to be read again.
    Share* const share = Touch(task, event);
    if (share == nullptr || !built.ok()) continue;
    built = Begin(&is_open);
    if (built.ok()) built = Apply(share, event);
  }
  if (!built.ok()) return built;
  Task* broken = nullptr;
  const absl::Status replayed = tasks.CommitReplays(&broken);
  return replayed.ok() ? replayed : StateFailed(broken, replayed);
}

// Once a transaction.
absl::Status Worker::Impl::Begin(bool* is_open) {
  if (std::exchange(*is_open, true)) return absl::OkStatus();
  absl::Status begun = sink->Begin();
  TellOpenTransaction();
  return begun;
}

// What waits comes before the events: one that follows it to its destination may then go there.
absl::Status Worker::Impl::DrainInto(bool* is_open) {
  return drain.Run([&](Task* task) {
    ShareOf(task, task->applied_offset);
    return Begin(is_open);
  });
}

// Whether the event is passed over, since its schema is not at hand or it is behind one that waits
// for its own; it is read again. `may_begin`: it may be the first.
bool Worker::Impl::AwaitsSchema(Task* task, const Event& event, bool may_begin) {
  lacks_schema = false;
  const bool is_replay =
      task->phase == TaskPhase::kReplaying && event.offset < task->committed_offset;
  if (task->schema_wait) {
    // What is behind it will be needed soon.
    routing.AskAhead(event);
    caution.Excuse(task->partition);
    return true;
  }
  const bool is_live = task->phase == TaskPhase::kLive || task->phase == TaskPhase::kReplaying;
  if (!may_begin || !is_live) return false;
  // What is given up is not looked into.
  const bool is_given_up =
      is_replay ? task->note.HasGivenUp(event.offset) : caution.GivesUp(task->partition);
  if (is_given_up) return false;
  EventRouting& reader = is_replay ? tasks.replays() : routing;
  const PayloadReading& reading = reader.Prepare(event, is_replay || rules->reads_payload());
  if (reading.lacks == nullptr) return false;
  if (schema_waits.Begin(task, event, is_replay, reading)) {
    caution.Excuse(task->partition);
    return true;
  }
  reader.SayNotAwaited();
  lacks_schema = true;
  return false;
}

// Of what waits for its schema nothing is tried meanwhile.
absl::Span<const Event> Worker::Impl::WithoutAwaiting(absl::Span<const Event> events) {
  while (!events.empty()) {
    const Task* const task = tasks.Find(events.front().partition);
    if (task == nullptr || !task->schema_wait) break;
    events.remove_prefix(1);
  }
  return events;
}

// The share of the transaction that the event's task has from now on; null when the task isn't
// ours, not live or waits for a schema. The source repeats nothing by itself, so an offset that was
// passed already is another event: the log was cut back or made anew, and passing it over would
// lose it. Lifetime: until another task is touched.
Worker::Impl::Share* Worker::Impl::Touch(Task* task, const Event& event) {
  if (task == nullptr || task->phase != TaskPhase::kLive) return nullptr;
  if (task->schema_wait) return nullptr;  // it is read again from an earlier one
  if (event.offset < task->applied_offset) GoBack(task, event.offset);
  Share* const share = ShareOf(task, event.offset);
  share->first_offset = std::min(share->first_offset, event.offset);
  return share;
}

Worker::Impl::Share* Worker::Impl::ShareOf(Task* task, int64_t first_offset) {
  // Mostly the last one: events of a partition come together.
  for (auto share = open.shares.rbegin(); share != open.shares.rend(); ++share) {
    if (share->task == task) return &*share;
  }
  return &open.shares.emplace_back(Share{.task = task, .first_offset = first_offset});
}

void Worker::Impl::GoBack(Task* task, int64_t offset) {
  observer->OnOffsetsWentBack(options.index, options.source_topic, task->partition,
                              task->applied_offset, offset);
  task->applied_offset = offset;
}

bool Worker::Impl::IsFull() const {
  if (dispatcher.counts().outputs >= options.transaction_outputs_max) return true;
  if (clock->Now() - open.began >= options.transaction_time_max) return true;
  if (options.stopping != nullptr && *options.stopping) return true;
  size_t pending_bytes = tasks.replay_pending_bytes();
  for (const Share& share : open.shares) {
    if (share.task->state != nullptr) pending_bytes += share.task->state->pending_bytes();
  }
  return pending_bytes >= options.pending_state_bytes_max;
}

// From this offset on, where its first event is.
absl::Status Worker::Impl::UseRules(Share* share, int64_t offset) {
  if (share->has_rules) return absl::OkStatus();
  absl::Status used = tasks.UseRules(share->task, rules, offset);
  if (!used.ok()) return StateFailed(share->task, used);
  share->rules_from = offset;
  share->has_rules = true;
  return absl::OkStatus();
}

absl::Status Worker::Impl::Apply(Share* share, const Event& event) {
  Task* const task = share->task;
  if (absl::Status used = UseRules(share, event.offset); !used.ok()) return used;
  parking.UseTask(task->partition, &task->parked);
  absl::Status led = caution.GivesUp(task->partition) ? GiveUp(*task, event) : Lead(task, event);
  if (!led.ok()) return led;
  if (lacks_schema) {
    if (share->unread.size() >= state::kGivenUpMax) share->unread.erase(share->unread.begin());
    share->unread.push_back(event.offset);
  }
  task->applied_offset = event.offset + 1;
  task->last_event_time = absl::FromUnixMillis(event.timestamp_ms);
  open.timestamps_ms.push_back(event.timestamp_ms);
  return absl::OkStatus();
}

absl::Status Worker::Impl::GiveUp(const Task& task, const Event& event) {
  return dispatcher.GiveUp(routing.Read(event), {.why = caution.WhyGivenUp(task.partition),
                                                 .now = clock->TimeOfDay(),
                                                 .bare = caution.GivesUpBare(task.partition)});
}

// The event's way through the rules, to what it leads to.
absl::Status Worker::Impl::Lead(Task* task, const Event& event) {
  const RoutedEvent routed = routing.Route(*router, event, task->steps.get());
  if (routed.routes == nullptr) return dispatcher.DispatchForeign(event);
  if (!routed.routes->state_error.ok()) return StateFailed(task, routed.routes->state_error);
  if (routed.routes->lacks_steps && AwaitsRules(*task, routed.sent_by)) {
    return absl::UnavailableError(
        absl::StrFormat("partition %d of %s holds matches that were re-keyed by the rule set %s, "
                        "which has not come to this router yet",
                        event.partition, options.source_topic, routed.sent_by));
  }
  return dispatcher.Dispatch(*routed.event, routed.source, *routed.routes);
}

// Whether the rule set may be one that another router has already and this one not yet. One from
// before was published here, or is in the note of the partition.
bool Worker::Impl::AwaitsRules(const Task& task, std::string_view hash) {
  const auto is_it = [&](const state::RuleSetSince& one) { return one.hash == hash; };
  const auto& noted = task.note.rule_sets;
  if (hash.empty() || feed->HasPublished(hash) || std::any_of(noted.begin(), noted.end(), is_it)) {
    return false;
  }
  constexpr size_t kUnknownMax = 1'000;
  if (unknown_rules.size() >= kUnknownMax) unknown_rules.clear();
  const absl::Time now = clock->Now();
  return now - unknown_rules.try_emplace(std::string(hash), now).first->second <
         options.rules_patience;
}

// The transaction can't go on; redoing it may help, once a damaged state is replaced.
absl::Status Worker::Impl::StateFailed(Task* task, const absl::Status& why) {
  if (absl::IsDataLoss(why)) {
    damaged.emplace_back(task, why);
  }
  return absl::UnavailableError(absl::StrFormat(
      "the state of partition %d of %s: %s", task->partition, options.source_topic, why.message()));
}

// No event goes into the open transaction any more.
void Worker::Impl::EndTransaction() {
  PrepareOffsets();
  dispatcher.TakeCounts(&open.counts);
  open.commit_began = clock->Now();
  std::swap(open, ending);
  open.Clear();
  phase = Phase::kCommitting;
  if (!sink->may_overlap()) return;
  for (const Share& share : ending.shares) {
    if (share.task->state != nullptr && share.has_rules) share.task->steps->Seal();
  }
  sink->StartCommit(ending.offsets, source->group_metadata());
}

void Worker::Impl::PrepareOffsets() {
  open.offsets.clear();
  for (Share& share : open.shares) {
    tasks.LearnCheckpoint(share.task);
    share.note =
        tasks.NoteOf(*share.task, share.has_rules ? rules.get() : nullptr, share.rules_from);
    share.end_offset = share.task->applied_offset;
    const bool is_replayed = share.note.state_start.has_value();
    // Of a partition that was only drained no event was given up.
    if (is_replayed && share.has_rules && caution.GivesUp(share.task->partition)) {
      share.note.GiveUp(share.end_offset - 1);
    }
    // Whoever replays may find their schemas at hand, and has to do without as well.
    for (const int64_t offset : share.unread) {
      if (is_replayed) share.note.GiveUp(offset);
    }
    open.offsets.push_back({.partition = share.task->partition,
                            .offset = share.end_offset,
                            .note = state::EncodeCommitNote(share.note)});
  }
}

// Whether the next transaction may begin while one ends: as long as all stays as it is.
bool Worker::Impl::MayGoOn() const {
  return sink->may_overlap() && open.empty() && failed.ok() && damaged.empty() && !is_closing &&
         feed->version() == rules_version && tasks.is_settled() &&
         clock->Now() - polled < kGoesOnMax;
}

// What has come meanwhile goes into the next transaction.
void Worker::Impl::GoOn() {
  const absl::Span<const Event> events = rest.empty() ? TakeMore() : rest;
  if (events.empty() && (caution.is_trying_with_care() || !HasParked())) return;
  if (!events.empty() && !caution.is_calm() && !caution.AdmitsAll(events)) {
    rest = events;
    return;
  }
  const absl::Status built = BuildTransaction(events);
  if (!built.ok()) failed = built;
}

absl::Span<const Event> Worker::Impl::TakeMore() {
  const absl::StatusOr<absl::Span<const Event>> events = source->TakeMore();
  if (events.ok()) return *events;
  // Whatever else it is, the next poll says it again.
  const bool is_over =
      absl::IsFailedPrecondition(events.status()) || absl::IsInternal(events.status());
  if (is_over) failed = events.status();
  return {};
}

}  // namespace turnout::runtime

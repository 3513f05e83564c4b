#include "runtime/worker.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "runtime/dispatcher.h"
#include "runtime/drain.h"
#include "runtime/event_routing.h"
#include "runtime/parking.h"
#include "runtime/task_set.h"

namespace turnout::runtime {
namespace {

using connectors::Event;
using connectors::SourceOffset;

// While nothing arrives, how often the status is told all the same.
constexpr absl::Duration kIdleStatusEvery = absl::Seconds(1);
// How often what rules keep is told: it takes a look at every rule and task.
constexpr absl::Duration kStateSizesEvery = absl::Seconds(10);
// What is read of the parking topic may come at any moment.
constexpr absl::Duration kDrainPollWait = absl::Milliseconds(5);
// Whether a transaction is full is looked at once in so many events.
constexpr size_t kFullCheckEvery = 64;

constexpr char kRulesNotKept[] =
    "the rule set is not kept yet: the checkpoint store has not taken it (see `checkpoints.store`)";

// What a worker is in the middle of. Polling is allowed in kPolling alone, so the assignment never
// changes under an open transaction.
enum class Phase {
  kOpening,            // the sink becomes the only owner of its transactional id
  kRejoining,          // the source gives everything up and joins afresh
  kPolling,            // between two transactions
  kNoting,             // what is tried next is committed, without any output
  kCommitting,         // everything is produced; the commit may have to be asked for again, and the
                       // next transaction may be open already
  kCommittingOffsets,  // at-least-once: outputs are acknowledged, the offsets not yet
  kCommittingStates,   // the log has it; what the rules remember follows
  kAborting,           // nothing of this transaction shall be seen
  kRewinding,          // the source goes back to where the transaction began
};

// The most that is polled by and by without a change of assignment: a rebalance waits no longer.
constexpr absl::Duration kGoesOnMax = absl::Milliseconds(200);

// One partition's share of a transaction.
struct Share {
  Task* task = nullptr;
  int64_t first_offset = 0;  // that a redo begins at
  int64_t rules_from = 0;    // its first event; behind that, where it was to be drained before
  int64_t end_offset = 0;    // after its last event, once all are in
  bool has_rules = false;    // the state is that of the transaction's rules; else it is untouched
  bool is_state_committed = false;
  state::CommitNote note;  // in force once the transaction has committed
};

struct Transaction {
  std::vector<Share> shares;
  std::vector<int64_t> timestamps_ms;  // of its events
  std::vector<SourceOffset> offsets;
  BatchCounts counts;
  absl::Time began;
  absl::Time commit_began;

  bool empty() const { return shares.empty(); }
  void Clear() {
    shares.clear();
    timestamps_ms.clear();
  }
};

// Constant destinations that the rules before, if there were any, did not have.
std::vector<std::string> NewTopics(const router::RuleSet* before, const router::RuleSet& now) {
  std::vector<std::string> topics;
  const auto* old = before == nullptr ? nullptr : &before->destinations();
  size_t next = 0;  // of `old`; both are sorted by topic
  for (const auto& destination : now.destinations()) {
    while (old != nullptr && next < old->size() && (*old)[next].topic < destination.topic) ++next;
    const bool known =
        old != nullptr && next < old->size() && (*old)[next].topic == destination.topic;
    if (!known) topics.push_back(destination.topic);
  }
  return topics;
}

}  // namespace

struct Worker::Impl : connectors::AssignmentListener {
  Impl(WorkerOptions worker_options, connectors::Source* worker_source,
       connectors::Sink* worker_sink, StateKeeper* keeper, Destinations* worker_destinations,
       const RuleFeed* worker_rules, WorkerObserver* worker_observer, Clock* worker_clock)
      : options(std::move(worker_options)),
        source(worker_source),
        sink(worker_sink),
        destinations(worker_destinations),
        feed(worker_rules),
        observer(worker_observer),
        clock(worker_clock),
        routing(options.source_topic, options.is_rekeyed),
        budgets(options.team_bytes_per_second_max, clock),
        parking(options.parking_topic, options.group, sink, destinations, clock),
        dispatcher({.source_topic = options.source_topic,
                    .dead_letter_topic = options.dead_letter_topic,
                    .rekey_topic = options.rekey_topic,
                    .ingestion_topic = options.ingestion_topic,
                    .parking_topic = options.parking_topic,
                    .replay_job = options.replay_job,
                    .provenance_headers = options.provenance_headers},
                   sink, destinations, parks() ? &parking : nullptr, parks() ? &budgets : nullptr),
        tasks({.worker = options.index,
               .source_topic = options.source_topic,
               .is_rekeyed = options.is_rekeyed},
              source, keeper, observer),
        drain(options.group, &parking, destinations, &dispatcher, &tasks, &budgets, options.parked),
        caution(options.event_tries_max),
        backoff(options.backoff_min) {}

  // What an unwell destination would take waits in the parking topic.
  bool parks() const { return options.parked != nullptr; }

  // AssignmentListener: called inside Poll, Rejoin and Close, when no transaction is open.
  void OnAssigned(absl::Span<const SourceOffset> committed) override;
  void OnRevoked(absl::Span<const int32_t> partitions) override;
  void OnLost(absl::Span<const int32_t> partitions) override;

  void StepOpening();
  void StepRejoining();
  void StepPolling();
  void StepNoting();
  void StepCommitting();
  void StepCommittingOffsets();
  void StepCommittingStates();
  void StepAborting();
  void StepRewinding();

  bool AdoptRules();
  void Proceed(absl::Span<const Event> events);
  void NoteTries(absl::Span<const int32_t> partitions, absl::Span<const Event> events);
  void BlameOrExcuse(const absl::Status& why,
                     absl::Span<const connectors::DestinationFailure> failures);
  void LeaveTurn();
  void BeginTransaction(absl::Span<const Event> events, size_t most);
  absl::Status BuildTransaction(absl::Span<const Event> events);
  void EndTransaction();
  bool MayGoOn() const;
  void GoOn();
  absl::Span<const Event> TakeMore();
  absl::Status Apply(Share* share, const Event& event);
  absl::Status GiveUp(const Task& task, const Event& event);
  absl::Status Lead(Task* task, const Event& event);
  bool AwaitsRules(const Task& task, std::string_view hash);
  absl::Status StateFailed(Task* task, const absl::Status& why);
  void RepairDamaged();
  bool IsFull() const;
  Share* Touch(Task* task, const Event& event);
  void GoBack(Task* task, int64_t offset);
  void PrepareOffsets();
  void Committed();
  void Report(Transaction* transaction);
  void TellOpenTransaction();
  void Redo(const absl::Status& why);
  void Recover(const absl::Status& why);
  void NotCommitted(const absl::Status& why);
  void Wait(const absl::Status& why);
  bool HasParked();
  absl::Duration PollWait();
  absl::Status DrainInto(bool* is_open);
  absl::Status Begin(bool* is_open);
  absl::Status UseRules(Share* share, int64_t offset);
  Share* ShareOf(Task* task, int64_t first_offset);
  void ResetDrain();
  void TellRunning();
  void TellStatus(WorkerState state, std::string_view reason);
  void TellStateSizes();

  const WorkerOptions options;
  connectors::Source* const source;
  connectors::Sink* const sink;
  Destinations* const destinations;
  const RuleFeed* const feed;
  WorkerObserver* const observer;
  Clock* const clock;

  Phase phase = Phase::kOpening;
  bool rejoin_after_open = false;
  std::unique_ptr<router::TableLookup> table_lookup;  // the router's
  std::unique_ptr<router::Router> router;
  std::shared_ptr<const router::RuleSet> rules;
  uint64_t rules_version = 0;
  EventRouting routing;
  TeamBudgets budgets;
  Parking parking;
  Dispatcher dispatcher;
  TaskSet tasks;
  Drain drain;
  Caution caution;
  std::vector<SourceOffset> tries;  // notes that are being committed
  absl::Status put_off;             // what to wait for once notes are taken back

  // Polled, and not in a transaction yet: the last one was full.
  absl::Span<const Event> rest;

  // Rule sets by which matches were re-keyed and that nobody here has heard of; since when.
  absl::flat_hash_map<std::string, absl::Time> unknown_rules;

  // The one that events go into, and the one before, which is being committed.
  Transaction open;
  Transaction ending;
  // Of `open`, or of a poll while one was ending: looked after once that one has ended.
  absl::Status failed;
  absl::Time polled = absl::InfinitePast();
  bool is_closing = false;

  // A state that turned out to be damaged, and why; looked after when nothing is open any more.
  std::vector<std::pair<Task*, absl::Status>> damaged;

  absl::Duration backoff;                               // before the next try
  absl::Time hand_over_until = absl::InfiniteFuture();  // once the worker closes
  absl::Time status_told = absl::InfinitePast();
  absl::Time sizes_told = absl::InfinitePast();
};

void Worker::Impl::OnAssigned(absl::Span<const SourceOffset> committed) {
  tasks.Assign(committed);
  for (const SourceOffset& start : committed) {
    caution.Assign(start.partition, start.offset, tasks.Find(start.partition)->note);
  }
  ResetDrain();
  status_told = absl::InfinitePast();
}

void Worker::Impl::OnRevoked(absl::Span<const int32_t> partitions) {
  tasks.Release(partitions, Parting::kHandOver,
                std::min(clock->Now() + options.hand_over_max, hand_over_until));
  for (const int32_t partition : partitions) caution.Release(partition);
  ResetDrain();
  status_told = absl::InfinitePast();
}

void Worker::Impl::OnLost(absl::Span<const int32_t> partitions) {
  tasks.Release(partitions, Parting::kLost, absl::InfinitePast());
  for (const int32_t partition : partitions) caution.Release(partition);
  ResetDrain();
  status_told = absl::InfinitePast();
}

void Worker::Impl::StepOpening() {
  const absl::Status opened = sink->Open();
  if (!opened.ok()) return Wait(opened);
  phase = rejoin_after_open ? Phase::kRejoining : Phase::kPolling;
  rejoin_after_open = false;
}

void Worker::Impl::StepRejoining() {
  const absl::Status rejoined = source->Rejoin(*this);
  if (!rejoined.ok()) return Wait(rejoined);
  tasks.ReleaseAll(Parting::kLost, absl::InfinitePast());
  caution.Clear();
  ResetDrain();
  phase = Phase::kPolling;
}

void Worker::Impl::StepPolling() {
  if (options.visits != nullptr) {
    options.visits->Serve([this](int32_t partition) { return tasks.Find(partition); });
  }
  if (!rest.empty()) {
    if (AdoptRules()) return Proceed(rest);
    return Wait(absl::UnavailableError(kRulesNotKept));
  }
  tasks.Advance(rules);
  const absl::StatusOr<absl::Span<const Event>> events = source->Poll(PollWait(), *this);
  polled = clock->Now();
  // After the poll: a partition that was taken over in it may have seen newer rules already.
  const bool has_rules = AdoptRules();
  if (!events.ok()) {
    if (absl::IsFailedPrecondition(events.status()) || absl::IsInternal(events.status())) {
      return Recover(events.status());
    }
    return Wait(events.status());
  }
  // After the poll: partitions may have gone in it.
  if (const std::vector<int32_t> in_vain = caution.NotedInVain(); !in_vain.empty()) {
    return NoteTries(in_vain, *events);
  }
  put_off = absl::OkStatus();
  if (!events->empty()) {
    if (has_rules) return Proceed(*events);
    rest = *events;
    return Wait(absl::UnavailableError(kRulesNotKept));
  }
  tasks.AdvanceIdle();
  if (has_rules && HasParked()) return BeginTransaction({}, 0);
  if (clock->Now() - status_told >= kIdleStatusEvery) TellRunning();
}

// Events go into a transaction as soon as it is noted that they are tried, where that is needed.
void Worker::Impl::Proceed(absl::Span<const Event> events) {
  if (caution.is_calm()) return BeginTransaction(events, events.size());
  const size_t most = caution.Admit(events);
  if (caution.IsCareful(events.front()) && options.careful_turn != nullptr &&
      !options.careful_turn->Take(this)) {
    rest = events;
    return Wait(absl::UnavailableError("another worker looks for an event that can't be tried"));
  }
  const std::vector<int32_t> unnoted = caution.Unnoted(events.first(most));
  if (unnoted.empty()) return BeginTransaction(events, most);
  NoteTries(unnoted, events);
}

// Commits what is going to be tried, or that it doesn't count, before anything else happens.
void Worker::Impl::NoteTries(absl::Span<const int32_t> partitions, absl::Span<const Event> events) {
  rest = events;
  tries.clear();
  for (const int32_t partition : partitions) {
    const Task* const task = tasks.Find(partition);
    state::CommitNote note = task->note;
    note.trying = caution.NoteOf(partition);
    int64_t offset = task->committed_offset;
    // Nothing was committed yet: it begins with its first event.
    for (size_t i = 0; offset < 0 && i < events.size(); ++i) {
      if (events[i].partition == partition) offset = events[i].offset;
    }
    tries.push_back(
        {.partition = partition, .offset = offset, .note = state::EncodeCommitNote(note)});
  }
  const bool is_transaction = options.delivery == connectors::Delivery::kExactlyOnce;
  if (const absl::Status begun = is_transaction ? sink->Begin() : absl::OkStatus(); !begun.ok()) {
    return NotCommitted(begun);
  }
  phase = Phase::kNoting;
  StepNoting();
}

void Worker::Impl::StepNoting() {
  const absl::Status committed = options.delivery == connectors::Delivery::kExactlyOnce
                                     ? sink->Commit(tries, source->group_metadata())
                                     : source->Commit(tries);
  if (absl::IsUnavailable(committed)) {
    observer->OnOutcome(options.index, TransactionOutcome::kRetried, committed);
    return Wait(committed);
  }
  if (!committed.ok()) return NotCommitted(committed);
  for (const SourceOffset& noted : tries) {
    Task* const task = tasks.Find(noted.partition);
    if (task->committed_offset < 0) {
      task->committed_offset = task->applied_offset = noted.offset;
    }
    task->note.trying = caution.NoteOf(noted.partition);
    caution.Noted(noted.partition);
  }
  phase = Phase::kPolling;
  if (!put_off.ok()) Wait(std::exchange(put_off, absl::OkStatus()));
}

void Worker::Impl::LeaveTurn() {
  if (options.careful_turn != nullptr) options.careful_turn->Leave(this);
}

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

// Whether the next transaction may begin while one ends: as long as all stays as it is.
bool Worker::Impl::MayGoOn() const {
  return sink->may_overlap() && open.empty() && failed.ok() && damaged.empty() && !is_closing &&
         feed->version() == rules_version && tasks.is_settled() &&
         clock->Now() - polled < kGoesOnMax;
}

// What has come meanwhile goes into the next transaction.
void Worker::Impl::GoOn() {
  const absl::Span<const Event> events = rest.empty() ? TakeMore() : rest;
  if (events.empty() && !(caution.is_calm() && HasParked())) return;
  if (!caution.is_calm() && !caution.AdmitsAll(events)) {
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

// False: there are no rules yet that events could be judged by.
bool Worker::Impl::AdoptRules() {
  const uint64_t version = feed->version();
  if (version == rules_version) return rules != nullptr;
  std::shared_ptr<const router::RuleSet> now = feed->Current();
  // What cannot be kept for a replay, or not be noted, is not to take effect: the rules from before
  // go on.
  // What was re-keyed waits instead: older rules may not know what it goes on with.
  if (!tasks.MayUse(now)) return rules != nullptr && !options.is_rekeyed;
  const std::shared_ptr<const router::RuleSet> before = std::exchange(rules, std::move(now));
  rules_version = version;
  std::unique_ptr<router::TableLookup> lookup;
  if (options.tables != nullptr) lookup = options.tables->LookupFor(rules->tables());
  router = std::make_unique<router::Router>(rules, lookup.get());
  table_lookup = std::move(lookup);
  // The brokers are asked only about what is new: other teams' events wait for the answer.
  std::vector<std::string> topics = NewTopics(before.get(), *rules);
  if (before == nullptr) {
    topics.push_back(options.dead_letter_topic);
    if (!options.parking_topic.empty()) topics.push_back(options.parking_topic);
  }
  if (rules->rekeys()) topics.push_back(options.rekey_topic);
  destinations->Prime(std::move(topics));
  dispatcher.UseRules(rules);
  status_told = absl::InfinitePast();
  return true;
}

// The share of the transaction that the event's task has from now on; null when the task isn't
// ours, or not live. The source repeats nothing by itself, so an offset that was passed already is
// another event: the log was cut back or made anew, and passing it over would lose it.
// Lifetime: until another task is touched.
Share* Worker::Impl::Touch(Task* task, const Event& event) {
  if (task == nullptr || task->phase != TaskPhase::kLive) return nullptr;
  if (event.offset < task->applied_offset) GoBack(task, event.offset);
  Share* const share = ShareOf(task, event.offset);
  share->first_offset = std::min(share->first_offset, event.offset);
  return share;
}

Share* Worker::Impl::ShareOf(Task* task, int64_t first_offset) {
  // Mostly the last one: events of a partition come together.
  for (auto share = open.shares.rbegin(); share != open.shares.rend(); ++share) {
    if (share->task == task) return &*share;
  }
  return &open.shares.emplace_back(Share{.task = task, .first_offset = first_offset});
}

// Whether something that was parked can be sent on now.
bool Worker::Impl::HasParked() {
  if (!parks()) return false;
  destinations->Turn([this](std::string_view topic) { return drain.IsParked(topic); });
  return drain.IsReady();
}

absl::Duration Worker::Impl::PollWait() {
  if (HasParked()) return absl::ZeroDuration();
  return drain.is_reading() ? std::min(kDrainPollWait, options.poll_wait) : options.poll_wait;
}

void Worker::Impl::ResetDrain() {
  if (parks()) drain.Reset();
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

// Begins a transaction and puts into it what these events lead to, up to where it is full.
absl::Status Worker::Impl::BuildTransaction(absl::Span<const Event> events) {
  open.Clear();
  open.began = clock->Now();
  dispatcher.Reset();
  rest = {};
  absl::Status built;
  bool is_open = false;
  // What is tried with care is tried by itself.
  if ((events.empty() || caution.is_calm()) && HasParked()) built = DrainInto(&is_open);
  Task* task = nullptr;  // of the event at hand
  for (size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    if (built.ok() && i % kFullCheckEvery == kFullCheckEvery - 1 && IsFull()) {
      rest = events.subspan(i);
      break;
    }
    if (task == nullptr || task->partition != event.partition) task = tasks.Find(event.partition);
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
  task->applied_offset = event.offset + 1;
  task->last_event_time = absl::FromUnixMillis(event.timestamp_ms);
  open.timestamps_ms.push_back(event.timestamp_ms);
  return absl::OkStatus();
}

absl::Status Worker::Impl::GiveUp(const Task& task, const Event& event) {
  return dispatcher.GiveUp(routing.Read(event), {.why = caution.WhyGivenUp(task.partition),
                                                 .now = clock->Now(),
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

void Worker::Impl::PrepareOffsets() {
  open.offsets.clear();
  for (Share& share : open.shares) {
    tasks.LearnCheckpoint(share.task);
    share.note =
        tasks.NoteOf(*share.task, share.has_rules ? rules.get() : nullptr, share.rules_from);
    share.end_offset = share.task->applied_offset;
    const bool is_replayed = share.note.state_start.has_value();
    if (is_replayed && caution.GivesUp(share.task->partition)) {
      share.note.GiveUp(share.end_offset - 1);
    }
    open.offsets.push_back({.partition = share.task->partition,
                            .offset = share.end_offset,
                            .note = state::EncodeCommitNote(share.note)});
  }
}

void Worker::Impl::StepCommitting() {
  if (MayGoOn()) GoOn();
  const absl::Status committed = sink->Commit(ending.offsets, source->group_metadata());
  if (absl::IsUnavailable(committed)) {
    // The outcome is unknown until the sink says so: nothing else may happen before.
    observer->OnOutcome(options.index, TransactionOutcome::kRetried, committed);
    return Wait(committed);
  }
  if (!committed.ok()) return NotCommitted(committed);
  if (options.delivery == connectors::Delivery::kAtLeastOnce) {
    phase = Phase::kCommittingOffsets;
    return StepCommittingOffsets();
  }
  phase = Phase::kCommittingStates;
  StepCommittingStates();
}

void Worker::Impl::StepCommittingOffsets() {
  const absl::Status committed = source->Commit(ending.offsets);
  if (absl::IsUnavailable(committed)) {
    observer->OnOutcome(options.index, TransactionOutcome::kRetried, committed);
    return Wait(committed);
  }
  if (!committed.ok()) return Recover(committed);
  phase = Phase::kCommittingStates;
  StepCommittingStates();
}

// The log is ahead of the states from here until all are written; a state that can't be is behind,
// and is brought up to the log as after a crash.
void Worker::Impl::StepCommittingStates() {
  for (Share& share : ending.shares) {
    if (share.task->state == nullptr || !share.has_rules || share.is_state_committed) continue;
    const absl::Status committed = share.task->steps->Commit(share.end_offset, rules->hash());
    if (absl::IsResourceExhausted(committed) || absl::IsUnavailable(committed)) {
      return Wait(absl::Status(
          committed.code(),
          absl::StrFormat("the state of partition %d of %s can't be written: "
                          "%s",
                          share.task->partition, options.source_topic, committed.message())));
    }
    if (!committed.ok()) {
      damaged.emplace_back(share.task, committed);
      // The open transaction goes on from a state that there isn't.
      if (!open.empty() && failed.ok()) failed = absl::UnavailableError(committed.message());
    }
    share.is_state_committed = true;
  }
  Committed();
}

void Worker::Impl::Committed() {
  for (Share& share : ending.shares) {
    share.task->committed_offset = share.end_offset;
    share.task->note = std::move(share.note);
    // After the commit: a checkpoint that began before it has not seen it.
    tasks.LearnCheckpoint(share.task);
    if (share.has_rules && !caution.is_calm()) {
      caution.Passed(share.task->partition, share.end_offset);
    }
  }
  LeaveTurn();
  Report(&ending);
  ending.Clear();
  TellOpenTransaction();
  backoff = options.backoff_min;
  phase = Phase::kPolling;
  if (!failed.ok()) return NotCommitted(std::exchange(failed, absl::OkStatus()));
  RepairDamaged();
  if (!open.empty()) EndTransaction();
  TellRunning();
}

void Worker::Impl::Report(Transaction* transaction) {
  const absl::Time now = clock->Now();
  BatchCounts& counts = transaction->counts;
  LatencyMeter meter(now);
  for (const SentRecord& record : counts.sent) {
    meter.Add(record.timestamp_ms, &counts.destinations[record.destination].latency);
    meter.Add(record.timestamp_ms, &counts.teams[record.team].latency);
  }
  TransactionReport report{.worker = options.index,
                           .rules = rules,
                           .events = counts.events,
                           .event_bytes = counts.event_bytes,
                           .outputs = counts.outputs,
                           .parked = counts.parked,
                           .drained = counts.drained,
                           .dead_lettered_events = counts.dead_lettered_events,
                           .rule_counts = counts.rule_counts,
                           .destinations = counts.destinations,
                           .teams = counts.teams,
                           .dead_letters = counts.dead_letters,
                           .duration = now - transaction->began,
                           .commit_duration = now - transaction->commit_began};
  for (const int64_t timestamp_ms : transaction->timestamps_ms) {
    meter.Add(timestamp_ms, &report.latency);
  }
  observer->OnTransaction(report);
}

// The one that is ending began earlier.
void Worker::Impl::TellOpenTransaction() {
  const Transaction& oldest = ending.empty() ? open : ending;
  observer->OnOpenTransaction(options.index, oldest.empty() ? absl::InfinitePast() : oldest.began);
}

// The transaction didn't commit: which of the outcomes is it?
void Worker::Impl::NotCommitted(const absl::Status& why) {
  if (absl::IsAborted(why) || absl::IsUnavailable(why)) return Redo(why);
  Recover(why);
}

void Worker::Impl::Redo(const absl::Status& why) {
  observer->OnOutcome(options.index, TransactionOutcome::kAborted, why);
  std::vector<connectors::DestinationFailure> failures;
  if (absl::IsAborted(why)) failures = sink->FailuresOfTransaction();
  for (const connectors::DestinationFailure& failure : failures) {
    destinations->MarkUnavailable(failure);
    if (failure.kind == connectors::DestinationFailure::Kind::kRecordRefused) continue;
    observer->OnDestinationUnavailable(failure.topic, failure.reason);
  }
  // A topic that was deleted fails the transaction as a whole and isn't always named.
  if (failures.empty() && absl::IsAborted(why)) destinations->Forget();
  BlameOrExcuse(why, failures);
  phase = Phase::kAborting;
  // The waiting is not to be found noted as a try.
  const bool was_a_note = open.empty() && ending.empty();
  if (was_a_note || caution.NotedInVain().empty()) return Wait(why);
  put_off = why;
}

// Whether the events of the transaction that failed are to be tried with care from now on.
void Worker::Impl::BlameOrExcuse(const absl::Status& why,
                                 absl::Span<const connectors::DestinationFailure> failures) {
  LeaveTurn();
  const bool is_refused = std::any_of(failures.begin(), failures.end(), [](const auto& failure) {
    return failure.kind == connectors::DestinationFailure::Kind::kRecordRefused;
  });
  if (!is_refused && caution.is_calm()) return;
  const absl::string_view message = why.message();
  for (const Share& share : (ending.empty() ? open : ending).shares) {
    const int32_t partition = share.task->partition;
    // Of a partition that was only drained no event was tried.
    if (is_refused && share.has_rules) {
      caution.Blame(partition, share.first_offset, share.task->applied_offset + 1,
                    {message.data(), message.size()});
    } else {
      caution.Excuse(partition);
    }
  }
}

void Worker::Impl::StepAborting() {
  const absl::Status aborted = sink->Abort();
  if (absl::IsUnavailable(aborted)) return Wait(aborted);
  if (!aborted.ok()) return Recover(aborted);
  phase = Phase::kRewinding;
  StepRewinding();
}

void Worker::Impl::StepRewinding() {
  // What was polled and never came to a transaction has to be read again too.
  for (const Event& event : std::exchange(rest, {})) Touch(tasks.Find(event.partition), event);
  // The one that was ending began earlier: what it says of a partition counts.
  std::vector<SourceOffset> targets;
  for (const Transaction* transaction : {&open, &ending}) {
    for (const Share& share : transaction->shares) {
      std::erase_if(targets, [&](const SourceOffset& target) {
        return target.partition == share.task->partition;
      });
      targets.push_back({.partition = share.task->partition, .offset = share.first_offset});
    }
  }
  tasks.RollBackReplays(&targets);
  const absl::Status rewound = source->Rewind(targets);
  if (absl::IsUnavailable(rewound)) return Wait(rewound);
  if (!rewound.ok()) return Recover(rewound);
  for (Transaction* transaction : {&open, &ending}) {
    for (const Share& share : transaction->shares) {
      share.task->applied_offset = share.first_offset;
      share.task->parked = share.task->note.parked;
      if (share.task->state != nullptr) share.task->steps->Rollback();
    }
    transaction->Clear();
  }
  TellOpenTransaction();
  failed = absl::OkStatus();
  ResetDrain();
  RepairDamaged();
  phase = Phase::kPolling;
}

void Worker::Impl::RepairDamaged() {
  // To hold a partition ends the life of what was polled; it is through, or read again, soon.
  if (damaged.empty() || !rest.empty()) return;
  for (const auto& [task, why] : std::exchange(damaged, {})) {
    if (task->state != nullptr) tasks.Repair(task, why);
  }
}

// Somebody else owns our transactional id or our partitions, or the producer is beyond use: let go
// of everything and begin as a new process would.
void Worker::Impl::Recover(const absl::Status& why) {
  const bool fenced = absl::IsFailedPrecondition(why);
  observer->OnOutcome(options.index,
                      fenced ? TransactionOutcome::kFenced : TransactionOutcome::kFatal, why);
  open.Clear();
  ending.Clear();
  TellOpenTransaction();
  failed = absl::OkStatus();
  rest = {};
  damaged.clear();
  tasks.ReleaseAll(Parting::kLost, absl::InfinitePast());
  caution.Clear();
  put_off = absl::OkStatus();
  LeaveTurn();
  ResetDrain();
  phase = Phase::kOpening;
  rejoin_after_open = true;
  Wait(why);
}

void Worker::Impl::Wait(const absl::Status& why) {
  const absl::string_view message = why.message();
  TellStatus(WorkerState::kWaiting, {message.data(), message.size()});
  clock->Sleep(backoff);
  backoff = std::min(backoff * 2, options.backoff_max);
}

void Worker::Impl::TellRunning() {
  const std::string waits_for = source->waits_for();
  TellStatus(waits_for.empty() ? WorkerState::kRunning : WorkerState::kWaiting, waits_for);
}

void Worker::Impl::TellStatus(WorkerState state, std::string_view reason) {
  WorkerStatus status{.worker = options.index,
                      .state = state,
                      .reason = std::string(reason),
                      .topic = options.source_topic,
                      .rule_set_hash = rules == nullptr ? "" : rules->hash()};
  for (const auto& [partition, task] : tasks.all()) {
    PartitionStatus of_partition = {.partition = partition,
                                    .next_offset = task->committed_offset,
                                    .end_offset = source->EndOffset(partition),
                                    .last_event_time = task->last_event_time,
                                    .phase = task->phase,
                                    .reason = tasks.WaitsFor(*task)};
    if (task->phase == TaskPhase::kReplaying) {
      of_partition.replay_offset = task->applied_offset;
      of_partition.replay_left =
          task->replay_progress.Left(task->applied_offset, task->committed_offset, clock->Now());
    }
    if (!task->note.rule_sets.empty()) {
      of_partition.rule_set = task->note.rule_sets.back().hash;
      of_partition.rule_set_from = task->note.rule_sets.back().offset;
    }
    status.partitions.push_back(std::move(of_partition));
  }
  if (parks()) {
    status.bulkheads = drain.Bulkheads();
    status.parked_lost = drain.lost();
  }
  status_told = clock->Now();
  observer->OnStatus(status);
  destinations->TellUnavailable([this](const std::string& topic, const std::string& why) {
    observer->OnDestinationUnavailable(topic, why);
  });
  if (status_told - sizes_told >= kStateSizesEvery) TellStateSizes();
}

void Worker::Impl::TellStateSizes() {
  sizes_told = clock->Now();
  if (rules == nullptr || !rules->keeps_state()) return;
  std::vector<router::StateSize> by_rule(rules->rules().size());
  for (const auto& [partition, task] : tasks.all()) {
    if (task->steps != nullptr) rules->AddSizes(*task->steps, &by_rule);
  }
  observer->OnStateSizes(options.index, rules, std::move(by_rule));
}

Worker::Worker(WorkerOptions options, connectors::Source* source, connectors::Sink* sink,
               StateKeeper* keeper, Destinations* destinations, const RuleFeed* rules,
               WorkerObserver* observer, Clock* clock)
    : impl_(std::make_unique<Impl>(std::move(options), source, sink, keeper, destinations, rules,
                                   observer, clock)) {}

Worker::~Worker() = default;

void Worker::Step() {
  switch (impl_->phase) {
    case Phase::kOpening:
      return impl_->StepOpening();
    case Phase::kRejoining:
      return impl_->StepRejoining();
    case Phase::kPolling:
      return impl_->StepPolling();
    case Phase::kNoting:
      return impl_->StepNoting();
    case Phase::kCommitting:
      return impl_->StepCommitting();
    case Phase::kCommittingOffsets:
      return impl_->StepCommittingOffsets();
    case Phase::kCommittingStates:
      return impl_->StepCommittingStates();
    case Phase::kAborting:
      return impl_->StepAborting();
    case Phase::kRewinding:
      return impl_->StepRewinding();
  }
}

void Worker::Close(absl::Duration timeout) {
  // A commit under way is worth half of the time: redoing it would cost its successor more.
  const absl::Time deadline = impl_->clock->Now() + timeout;
  const absl::Time commit_until = deadline - timeout / 2;
  impl_->is_closing = true;
  while ((impl_->phase == Phase::kNoting || impl_->phase == Phase::kCommitting ||
          impl_->phase == Phase::kCommittingOffsets || impl_->phase == Phase::kCommittingStates) &&
         impl_->clock->Now() < commit_until) {
    Step();
  }
  if (impl_->phase == Phase::kAborting || impl_->phase == Phase::kCommitting ||
      impl_->phase == Phase::kNoting) {
    impl_->sink->Abort().IgnoreError();  // where it fails, the broker aborts for us
  }
  const bool is_committed = impl_->phase == Phase::kPolling;
  impl_->hand_over_until = is_committed ? deadline - timeout / 4 : absl::InfinitePast();
  if (!is_committed) impl_->tasks.ReleaseAll(Parting::kLost, absl::InfinitePast());
  impl_->rest = {};
  impl_->LeaveTurn();
  impl_->source->Close(*impl_, std::max(deadline - impl_->clock->Now(), absl::ZeroDuration()) / 2);
  impl_->sink->Close(std::max(deadline - impl_->clock->Now(), absl::ZeroDuration()));
  impl_->TellStatus(WorkerState::kStopped, "");
}

}  // namespace turnout::runtime

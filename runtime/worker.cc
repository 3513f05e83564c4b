#include "runtime/worker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/dispatcher.h"

namespace turnout::runtime {
namespace {

using connectors::Event;
using connectors::SourceOffset;

// While nothing arrives, how often the status is told all the same.
constexpr absl::Duration kIdleStatusEvery = absl::Seconds(1);

// What a worker is in the middle of. Polling is allowed in kPolling alone, so the assignment never
// changes under an open transaction.
enum class Phase {
  kOpening,            // the sink becomes the only owner of its transactional id
  kRejoining,          // the source gives everything up and joins afresh
  kPolling,            // between two transactions
  kCommitting,         // everything is produced; the commit may have to be asked for again
  kCommittingOffsets,  // at-least-once: outputs are acknowledged, the offsets not yet
  kAborting,           // nothing of this transaction shall be seen
  kRewinding,          // the source goes back to where the transaction began
};

// One partition's share of the open transaction.
struct Share {
  Task* task = nullptr;
  int64_t first_offset = 0;
  state::CommitNote note;  // in force once the transaction has committed
};

size_t LatencyBucket(double latency_ms) {
  return std::lower_bound(kLatencyBoundsMs.begin(), kLatencyBoundsMs.end(), latency_ms) -
         kLatencyBoundsMs.begin();
}

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
       connectors::Sink* worker_sink, Destinations* worker_destinations,
       const RuleFeed* worker_rules, WorkerObserver* worker_observer, Clock* worker_clock)
      : options(std::move(worker_options)),
        source(worker_source),
        sink(worker_sink),
        destinations(worker_destinations),
        feed(worker_rules),
        observer(worker_observer),
        clock(worker_clock),
        dispatcher({.source_topic = options.source_topic,
                    .dead_letter_topic = options.dead_letter_topic,
                    .provenance_headers = options.provenance_headers},
                   sink, destinations),
        backoff(options.backoff_min) {}

  // AssignmentListener: called inside Poll, Rejoin and Close, when no transaction is open.
  void OnAssigned(absl::Span<const SourceOffset> committed) override;
  void OnRevoked(absl::Span<const int32_t> partitions) override { Drop(partitions); }
  void OnLost(absl::Span<const int32_t> partitions) override { Drop(partitions); }
  void Drop(absl::Span<const int32_t> partitions);

  void StepOpening();
  void StepRejoining();
  void StepPolling();
  void StepCommitting();
  void StepCommittingOffsets();
  void StepAborting();
  void StepRewinding();

  void AdoptRules();
  absl::Status BuildTransaction(absl::Span<const Event> events);
  Task* Touch(const Event& event);
  void GoBack(Task* task, int64_t offset);
  void PrepareOffsets();
  void Committed();
  void Redo(const absl::Status& why);
  void Recover(const absl::Status& why);
  void NotCommitted(const absl::Status& why);
  void Wait(const absl::Status& why);
  void TellStatus(WorkerState state, std::string_view reason);

  const WorkerOptions options;
  connectors::Source* const source;
  connectors::Sink* const sink;
  Destinations* const destinations;
  const RuleFeed* const feed;
  WorkerObserver* const observer;
  Clock* const clock;

  Phase phase = Phase::kOpening;
  bool rejoin_after_open = false;
  absl::flat_hash_map<int32_t, std::unique_ptr<Task>> tasks;

  std::unique_ptr<router::Router> router;
  std::shared_ptr<const router::RuleSet> rules;
  uint64_t rules_version = 0;
  Dispatcher dispatcher;

  // The open transaction.
  std::vector<Share> shares;
  std::vector<int64_t> timestamps_ms;  // of its events
  std::vector<SourceOffset> offsets;
  absl::Time began;
  absl::Time commit_began;

  absl::Duration backoff;  // before the next try
  absl::Time status_told = absl::InfinitePast();
};

void Worker::Impl::OnAssigned(absl::Span<const SourceOffset> committed) {
  for (const SourceOffset& start : committed) {
    auto task = std::make_unique<Task>();
    task->partition = start.partition;
    task->committed_offset = task->applied_offset = start.offset;
    // A note that can't be read costs the history of rule sets, never an event: the offset counts.
    if (auto note = state::DecodeCommitNote(start.note); note.ok()) task->note = *std::move(note);
    tasks[start.partition] = std::move(task);
  }
  status_told = absl::InfinitePast();
}

void Worker::Impl::Drop(absl::Span<const int32_t> partitions) {
  for (const int32_t partition : partitions) tasks.erase(partition);
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
  tasks.clear();
  phase = Phase::kPolling;
}

void Worker::Impl::StepPolling() {
  const absl::StatusOr<absl::Span<const Event>> events = source->Poll(options.poll_wait, *this);
  // After the poll: a partition that was taken over in it may have seen newer rules already.
  AdoptRules();
  if (!events.ok()) {
    if (absl::IsFailedPrecondition(events.status()) || absl::IsInternal(events.status())) {
      return Recover(events.status());
    }
    return Wait(events.status());
  }
  if (events->empty()) {
    if (clock->Now() - status_told >= kIdleStatusEvery) TellStatus(WorkerState::kRunning, "");
    return;
  }
  began = clock->Now();
  const absl::Status built = BuildTransaction(*events);
  if (!built.ok()) return NotCommitted(built);
  if (shares.empty()) return;
  PrepareOffsets();
  commit_began = clock->Now();
  phase = Phase::kCommitting;
  StepCommitting();
}

void Worker::Impl::AdoptRules() {
  const uint64_t version = feed->version();
  if (version == rules_version) return;
  const std::shared_ptr<const router::RuleSet> before = std::exchange(rules, feed->Current());
  rules_version = version;
  router = std::make_unique<router::Router>(rules);
  // The brokers are asked only about what is new: other teams' events wait for the answer.
  std::vector<std::string> topics = NewTopics(before.get(), *rules);
  if (before == nullptr) topics.push_back(options.dead_letter_topic);
  destinations->Prime(std::move(topics));
  dispatcher.UseRules(rules);
  status_told = absl::InfinitePast();
}

// The task that the event belongs to, with its share of the transaction; null when it isn't ours.
// The source repeats nothing by itself, so an offset that was passed already is another event: the
// log was cut back or made anew, and passing it over would lose it.
Task* Worker::Impl::Touch(const Event& event) {
  if (!shares.empty() && shares.back().task->partition == event.partition) {
    Task* const task = shares.back().task;
    if (event.offset < task->applied_offset) GoBack(task, event.offset);
    return task;
  }
  const auto found = tasks.find(event.partition);
  if (found == tasks.end()) return nullptr;
  Task* const task = found->second.get();
  if (event.offset < task->applied_offset) GoBack(task, event.offset);
  const bool is_shared = std::any_of(shares.begin(), shares.end(),
                                     [&](const Share& share) { return share.task == task; });
  if (!is_shared) shares.push_back({.task = task, .first_offset = event.offset});
  return task;
}

void Worker::Impl::GoBack(Task* task, int64_t offset) {
  observer->OnOffsetsWentBack(options.index, task->partition, task->applied_offset, offset);
  task->applied_offset = offset;
}

// Begins a transaction and puts into it everything that these events lead to.
absl::Status Worker::Impl::BuildTransaction(absl::Span<const Event> events) {
  shares.clear();
  timestamps_ms.clear();
  dispatcher.Reset();
  absl::Status built = sink->Begin();
  for (const Event& event : events) {
    // After a failure the rest is touched all the same: the shares say what has to be read again.
    Task* const task = Touch(event);
    if (task == nullptr || !built.ok()) continue;
    const router::Routes& routes = router->Route({.value = event.value,
                                                  .key = event.key,
                                                  .topic = options.source_topic,
                                                  .partition = event.partition,
                                                  .headers = event.headers});
    built = dispatcher.Dispatch(event, routes);
    if (!built.ok()) continue;
    task->applied_offset = event.offset + 1;
    task->last_event_time = absl::FromUnixMillis(event.timestamp_ms);
    timestamps_ms.push_back(event.timestamp_ms);
  }
  if (!built.ok()) return built;
  return shares.empty() ? sink->Abort() : absl::OkStatus();
}

void Worker::Impl::PrepareOffsets() {
  offsets.clear();
  for (Share& share : shares) {
    share.note = share.task->note;
    share.note.Use(rules->hash(), share.first_offset);
    offsets.push_back({.partition = share.task->partition,
                       .offset = share.task->applied_offset,
                       .note = state::EncodeCommitNote(share.note)});
  }
}

void Worker::Impl::StepCommitting() {
  const absl::Status committed = sink->Commit(offsets, source->group_metadata());
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
  Committed();
}

void Worker::Impl::StepCommittingOffsets() {
  const absl::Status committed = source->Commit(offsets);
  if (absl::IsUnavailable(committed)) {
    observer->OnOutcome(options.index, TransactionOutcome::kRetried, committed);
    return Wait(committed);
  }
  if (!committed.ok()) return Recover(committed);
  Committed();
}

void Worker::Impl::Committed() {
  const absl::Time now = clock->Now();
  const BatchCounts& counts = dispatcher.counts();
  TransactionReport report{.worker = options.index,
                           .rules = rules,
                           .events = counts.events,
                           .event_bytes = counts.event_bytes,
                           .outputs = counts.outputs,
                           .dead_lettered_events = counts.dead_lettered_events,
                           .rule_counts = counts.rule_counts,
                           .duration = now - began,
                           .commit_duration = now - commit_began};
  const int64_t now_us = absl::ToUnixMicros(now);
  for (const int64_t timestamp_ms : timestamps_ms) {
    const double latency_ms =
        std::max(0.0, static_cast<double>(now_us - timestamp_ms * 1000) / 1e3);
    ++report.latency_counts[LatencyBucket(latency_ms)];
    report.latency_sum_ms += latency_ms;
  }
  for (Share& share : shares) {
    share.task->committed_offset = share.task->applied_offset;
    share.task->note = std::move(share.note);
  }
  shares.clear();
  backoff = options.backoff_min;
  phase = Phase::kPolling;
  observer->OnTransaction(report);
  TellStatus(WorkerState::kRunning, "");
}

// The transaction didn't commit: which of the outcomes is it?
void Worker::Impl::NotCommitted(const absl::Status& why) {
  if (absl::IsAborted(why) || absl::IsUnavailable(why)) return Redo(why);
  Recover(why);
}

void Worker::Impl::Redo(const absl::Status& why) {
  observer->OnOutcome(options.index, TransactionOutcome::kAborted, why);
  const std::vector<connectors::DestinationFailure> failures = sink->FailuresOfTransaction();
  for (const connectors::DestinationFailure& failure : failures) {
    destinations->MarkUnavailable(failure);
    observer->OnDestinationUnavailable(failure.topic, failure.reason);
  }
  // A topic that was deleted fails the transaction as a whole and isn't always named.
  if (failures.empty() && absl::IsAborted(why)) destinations->Forget();
  phase = Phase::kAborting;
  Wait(why);
}

void Worker::Impl::StepAborting() {
  const absl::Status aborted = sink->Abort();
  if (absl::IsUnavailable(aborted)) return Wait(aborted);
  if (!aborted.ok()) return Recover(aborted);
  phase = Phase::kRewinding;
  StepRewinding();
}

void Worker::Impl::StepRewinding() {
  std::vector<SourceOffset> targets;
  for (const Share& share : shares) {
    targets.push_back({.partition = share.task->partition, .offset = share.first_offset});
  }
  const absl::Status rewound = source->Rewind(targets);
  if (absl::IsUnavailable(rewound)) return Wait(rewound);
  if (!rewound.ok()) return Recover(rewound);
  for (const Share& share : shares) share.task->applied_offset = share.first_offset;
  shares.clear();
  phase = Phase::kPolling;
}

// Somebody else owns our transactional id or our partitions, or the producer is beyond use: let go
// of everything and begin as a new process would.
void Worker::Impl::Recover(const absl::Status& why) {
  const bool fenced = absl::IsFailedPrecondition(why);
  observer->OnOutcome(options.index,
                      fenced ? TransactionOutcome::kFenced : TransactionOutcome::kFatal, why);
  shares.clear();
  tasks.clear();
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

void Worker::Impl::TellStatus(WorkerState state, std::string_view reason) {
  WorkerStatus status{.worker = options.index,
                      .state = state,
                      .reason = std::string(reason),
                      .rule_set_hash = rules == nullptr ? "" : rules->hash()};
  for (const auto& [partition, task] : tasks) {
    status.partitions.push_back({.partition = partition,
                                 .next_offset = task->committed_offset,
                                 .end_offset = source->EndOffset(partition),
                                 .last_event_time = task->last_event_time});
  }
  status_told = clock->Now();
  observer->OnStatus(status);
}

Worker::Worker(WorkerOptions options, connectors::Source* source, connectors::Sink* sink,
               Destinations* destinations, const RuleFeed* rules, WorkerObserver* observer,
               Clock* clock)
    : impl_(std::make_unique<Impl>(std::move(options), source, sink, destinations, rules, observer,
                                   clock)) {}

Worker::~Worker() = default;

void Worker::Step() {
  switch (impl_->phase) {
    case Phase::kOpening:
      return impl_->StepOpening();
    case Phase::kRejoining:
      return impl_->StepRejoining();
    case Phase::kPolling:
      return impl_->StepPolling();
    case Phase::kCommitting:
      return impl_->StepCommitting();
    case Phase::kCommittingOffsets:
      return impl_->StepCommittingOffsets();
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
  while ((impl_->phase == Phase::kCommitting || impl_->phase == Phase::kCommittingOffsets) &&
         impl_->clock->Now() < commit_until) {
    Step();
  }
  if (impl_->phase == Phase::kAborting || impl_->phase == Phase::kCommitting) {
    impl_->sink->Abort().IgnoreError();  // where it fails, the broker aborts for us
  }
  impl_->source->Close(*impl_, std::max(deadline - impl_->clock->Now(), absl::ZeroDuration()) / 2);
  impl_->sink->Close(std::max(deadline - impl_->clock->Now(), absl::ZeroDuration()));
  impl_->TellStatus(WorkerState::kStopped, "");
}

}  // namespace turnout::runtime

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/worker_impl.h"

namespace turnout::runtime {
namespace {

using connectors::Event;
using connectors::SourceOffset;

// How often what rules keep is told: it takes a look at every rule and task.
constexpr absl::Duration kStateSizesEvery = absl::Seconds(10);

}  // namespace

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
    tasks.Noted(share.task);
    // After the commit: a checkpoint that began before it has not seen it.
    tasks.LearnCheckpoint(share.task);
    if (share.has_rules && !caution.is_calm()) {
      caution.Passed(share.task->partition, share.end_offset);
    }
  }
  LeaveTurn();
  if (parks()) drain.Committed();
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
  LatencyMeter meter(clock->TimeOfDay());
  counts.MeasureLatencies(&meter);
  TransactionReport report{.worker = options.index,
                           .rules = rules,
                           .events = counts.events,
                           .event_bytes = counts.event_bytes,
                           .outputs = counts.outputs,
                           .parked = counts.parked,
                           .drained = counts.drained,
                           .dead_lettered_events = counts.dead_lettered_events,
                           .rule_counts = counts.rule_counts,
                           .rule_latencies = counts.rule_latencies,
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
    if (failure.kind == connectors::DestinationFailure::Kind::kRecordRefused) {
      if (parks()) drain.Refused(failure.topic);
      continue;
    }
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
  for (const SourceOffset& target : targets) schema_waits.Forget(tasks.Find(target.partition));
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

// The one that is ending began earlier.
void Worker::Impl::TellOpenTransaction() {
  const Transaction& oldest = ending.empty() ? open : ending;
  observer->OnOpenTransaction(options.index, oldest.empty() ? absl::InfinitePast() : oldest.began);
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
                                    .phase = task->schema_wait ? TaskPhase::kWaiting : task->phase,
                                    .reason = tasks.WaitsFor(*task)};
    if (of_partition.phase == TaskPhase::kReplaying) {
      of_partition.replay_offset = task->applied_offset;
      of_partition.replay_left =
          task->replay_progress.Left(task->applied_offset, task->committed_offset, clock->Now());
    }
    if (!task->note.rule_sets.empty()) {
      of_partition.rule_set = task->note.rule_sets.back().hash;
      of_partition.rule_set_from = task->note.rule_sets.back().offset;
    }
    // Where nothing was ever committed there is nothing to restore, and nobody to note it yet.
    const bool is_noted = !task->is_restore_unnoted || task->committed_offset < 0;
    if (is_noted) of_partition.restored = task->note.restored;
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

}  // namespace turnout::runtime

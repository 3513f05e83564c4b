// Worker::Impl: what a Worker has at hand. Its functions are in three files, in the order of a
// turn: worker.cc opens, polls and takes up rules, until events may be tried; worker_transaction.cc
// fills a transaction with what they lead to; worker_outcome.cc commits it, redoes it or begins
// anew, and tells the observer.
//
// For these files alone. Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "runtime/dispatcher.h"
#include "runtime/drain.h"
#include "runtime/event_routing.h"
#include "runtime/parking.h"
#include "runtime/schema_waits.h"
#include "runtime/task_set.h"
#include "runtime/worker.h"

namespace turnout::runtime {

struct Worker::Impl : connectors::AssignmentListener {
  // While nothing arrives, how often the status is told all the same.
  static constexpr absl::Duration kIdleStatusEvery = absl::Seconds(1);

  // What a worker is in the middle of. Polling is allowed in kPolling alone, so the assignment
  // never changes under an open transaction.
  enum class Phase {
    kOpening,     // the sink becomes the only owner of its transactional id
    kRejoining,   // the source gives everything up and joins afresh
    kPolling,     // between two transactions
    kNoting,      // what is tried next, or was restored, is committed, without any output
    kCommitting,  // everything is produced; the commit may have to be asked for again, and the
                  // next transaction may be open already
    kCommittingOffsets,  // at-least-once: outputs are acknowledged, the offsets not yet
    kCommittingStates,   // the log has it; what the rules remember follows
    kAborting,           // nothing of this transaction shall be seen
    kRewinding,          // the source goes back to where the transaction began
  };

  // One partition's share of a transaction.
  struct Share {
    Task* task = nullptr;
    int64_t first_offset = 0;  // that a redo begins at
    int64_t rules_from = 0;    // its first event; behind that, where it was to be drained before
    int64_t end_offset = 0;    // after its last event, once all are in
    bool has_rules = false;    // the state is that of the transaction's rules; else it is untouched
    bool is_state_committed = false;
    std::vector<int64_t> unread;  // the last of its events that went without their schema
    state::CommitNote note;       // in force once the transaction has committed
  };

  struct Transaction {
    std::vector<Share> shares;
    std::vector<int64_t> timestamps_ms;  // of its events
    std::vector<connectors::SourceOffset> offsets;
    BatchCounts counts;
    absl::Time began;
    absl::Time commit_began;

    bool empty() const { return shares.empty(); }
    void Clear() {
      shares.clear();
      timestamps_ms.clear();
    }
  };

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
        routing(options.source_topic, options.is_rekeyed, options.schemas),
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
               .is_rekeyed = options.is_rekeyed,
               .schemas = options.schemas},
              source, keeper, observer),
        schema_waits({.worker = options.index,
                      .source_topic = options.source_topic,
                      .replays_wait = options.replays_wait_for_schemas},
                     options.schemas, &tasks, source, observer, clock),
        drain(options.group, options.event_tries_max, clock, &parking, destinations, &dispatcher,
              &tasks, &budgets, options.parked),
        caution(options.event_tries_max),
        backoff(options.backoff_min) {}

  // What an unwell destination would take waits in the parking topic.
  bool parks() const { return options.parked != nullptr; }

  // AssignmentListener: called inside Poll, Rejoin and Close, when no transaction is open.
  void OnAssigned(absl::Span<const connectors::SourceOffset> committed) override;
  void OnRevoked(absl::Span<const int32_t> partitions) override;
  void OnLost(absl::Span<const int32_t> partitions) override;

  void StepOpening();
  void StepRejoining();
  void StepPolling();
  void StepNoting();
  void TakeBackTries(absl::Time until);
  absl::Duration PollWait();
  bool HasParked();
  void ResetDrain();
  bool AdoptRules();
  void Proceed(absl::Span<const connectors::Event> events);
  void NoteTries(absl::Span<const int32_t> partitions, absl::Span<const connectors::Event> events);
  void NoteRestores(absl::Span<const int32_t> partitions,
                    absl::Span<const connectors::Event> events);
  void CommitNotes();
  void LeaveTurn();
  void Wait(const absl::Status& why);

  void BeginTransaction(absl::Span<const connectors::Event> events, size_t most);
  absl::Status BuildTransaction(absl::Span<const connectors::Event> events);
  absl::Status Begin(bool* is_open);
  absl::Status DrainInto(bool* is_open);
  bool AwaitsSchema(Task* task, const connectors::Event& event, bool may_begin);
  absl::Span<const connectors::Event> WithoutAwaiting(absl::Span<const connectors::Event> events);
  Share* Touch(Task* task, const connectors::Event& event);
  Share* ShareOf(Task* task, int64_t first_offset);
  void GoBack(Task* task, int64_t offset);
  bool IsFull() const;
  absl::Status UseRules(Share* share, int64_t offset);
  absl::Status Apply(Share* share, const connectors::Event& event);
  absl::Status GiveUp(const Task& task, const connectors::Event& event);
  absl::Status Lead(Task* task, const connectors::Event& event);
  bool AwaitsRules(const Task& task, std::string_view hash);
  absl::Status StateFailed(Task* task, const absl::Status& why);
  void EndTransaction();
  void PrepareOffsets();
  bool MayGoOn() const;
  void GoOn();
  absl::Span<const connectors::Event> TakeMore();

  void StepCommitting();
  void StepCommittingOffsets();
  void StepCommittingStates();
  void StepAborting();
  void StepRewinding();
  void Committed();
  void Report(Transaction* transaction);
  void NotCommitted(const absl::Status& why);
  void Redo(const absl::Status& why);
  void BlameOrExcuse(const absl::Status& why,
                     absl::Span<const connectors::DestinationFailure> failures);
  void RepairDamaged();
  void Recover(const absl::Status& why);
  void TellOpenTransaction();
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
  SchemaWaits schema_waits;
  Drain drain;
  Caution caution;
  // Of the event at hand: it goes on without its schema.
  bool lacks_schema = false;
  std::vector<connectors::SourceOffset> notes;  // that are being committed
  bool are_tries_noted = false;                 // by them; else what was restored
  absl::Status put_off;                         // what to wait for once notes are taken back

  // Polled, and not in a transaction yet: the last one was full.
  absl::Span<const connectors::Event> rest;

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

}  // namespace turnout::runtime

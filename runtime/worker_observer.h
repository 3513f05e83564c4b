// WorkerObserver: what a worker tells of itself, once a transaction and once a change of state.
//
// Threads: called on the worker's thread; implementations are shared by all workers and do their
//   own locking. Never called once an event: reports carry counts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "router/rule_set.h"
#include "runtime/latency_histogram.h"

namespace turnout::runtime {

// Stands for all rules, or all destinations, beyond those that are counted by name.
inline constexpr std::string_view kOtherSeries = "other";

struct RuleCounts {
  router::RuleIndex rule = 0;
  uint64_t matched = 0;
  std::array<uint64_t, router::kStepKinds> stopped{};  // of its matches, by the kind of the step
  uint64_t late = 0;           // of those stopped: came too late to be counted
  uint64_t routed = 0;         // outputs that name the rule
  uint64_t dead_lettered = 0;  // of its outputs: too large, no such destination, missing field
  uint64_t parked = 0;         // of its outputs: the destination is unwell, or others wait for it
  uint64_t rekeyed = 0;        // of its matches: sent on to where their key lives
  uint64_t state_full = 0;     // of its matches: rejected, a step had no room for them
  // Of its rollout: outputs and dead letters that were none, since the rule is in shadow; matches
  // and windows outside of the share that is sent.
  uint64_t shadowed = 0;
  uint64_t shadow_dead_lettered = 0;
  uint64_t held_back = 0;

  void Add(const RuleCounts& other) {
    matched += other.matched;
    for (size_t kind = 0; kind < stopped.size(); ++kind) stopped[kind] += other.stopped[kind];
    late += other.late;
    routed += other.routed;
    dead_lettered += other.dead_lettered;
    parked += other.parked;
    rekeyed += other.rekeyed;
    state_full += other.state_full;
    shadowed += other.shadowed;
    shadow_dead_lettered += other.shadow_dead_lettered;
    held_back += other.held_back;
  }
};

// What became of the records for one destination.
struct DestinationCounts {
  std::string_view topic;
  uint64_t sent = 0;
  uint64_t dead_lettered = 0;
  uint64_t parked = 0;
  LatencyHistogram latency;  // of those sent
};

// How long the records took that were sent for one team.
struct TeamLatency {
  std::string_view team;
  LatencyHistogram latency;
};

// Of the dead letters those with one value of the error header.
struct DeadLetterCount {
  std::string_view error;
  uint64_t count = 0;
};

// One committed transaction. Lifetime: what its views point to is there during the call.
struct TransactionReport {
  int worker = 0;
  std::shared_ptr<const router::RuleSet> rules;
  uint64_t events = 0;
  uint64_t event_bytes = 0;
  uint64_t outputs = 0;
  uint64_t parked = 0;                  // outputs
  uint64_t drained = 0;                 // of those that were parked before
  uint64_t dead_lettered_events = 0;    // payloads that could not be read
  std::vector<RuleCounts> rule_counts;  // of rules that matched at least once
  // Of those, in their order: how long the records took that were sent for each. Or none.
  std::vector<LatencyHistogram> rule_latencies;
  std::vector<DestinationCounts> destinations;  // that something was for
  std::vector<TeamLatency> teams;               // that something was sent for
  std::vector<DeadLetterCount> dead_letters;
  LatencyHistogram latency;        // of its events, until the commit was acknowledged
  absl::Duration duration;         // begin to acknowledged
  absl::Duration commit_duration;  // of it, the commit
};

// A partition's way from assigned to live: see task.h.
enum class TaskPhase {
  kRecovering,
  kRefused,
  kReplaying,
  kLive,
  kWaiting,  // in reports alone: live or replaying, and an event's schema is not at hand
};

enum class WorkerState { kStarting, kRunning, kWaiting, kStopped };

struct PartitionStatus {
  int32_t partition = 0;
  int64_t next_offset = -1;    // committed; -1: nothing yet
  int64_t end_offset = -1;     // -1: not known
  absl::Time last_event_time;  // record timestamp of the last committed event
  TaskPhase phase = TaskPhase::kLive;
  int64_t replay_offset = -1;                             // replaying: how far
  absl::Duration replay_left = absl::InfiniteDuration();  // for how long yet, if that is known
  std::string reason;                 // recovering, refused or waiting: what for
  std::string rule_set;               // in force as of next_offset; empty: none was yet
  int64_t rule_set_from = -1;         // the first offset it was applied to
  std::vector<std::string> restored;  // wishes to restore that are noted as done, by id
};

// A destination that is not healthy, or that outputs still wait for.
struct BulkheadStatus {
  std::string destination;  // "#<n>": several that share a lane, see parking_ledger.h
  std::string_view state;   // "ejected", "probing", "draining"
  std::string_view why;     // "missing", "forbidden", ...; empty: it is not known to be unwell
  std::string reason;       // for people
  std::string trouble;      // why what waits can't be read from the parking topic; empty: it can
  absl::Time since = absl::InfinitePast();
  int64_t waiting = 0;  // records in the parking topic
};

struct WorkerStatus {
  int worker = 0;
  WorkerState state = WorkerState::kStarting;
  std::string reason;  // why it waits, in plain words; empty while running
  std::string topic;   // that it reads
  std::string rule_set_hash;
  std::vector<PartitionStatus> partitions;
  std::vector<BulkheadStatus> bulkheads;
  int64_t parked_lost = 0;  // records that the parking topic has lost before they were drained
};

// How a transaction ended that did not commit at the first try.
enum class TransactionOutcome { kRetried, kAborted, kFenced, kFatal };

class WorkerObserver {
 public:
  virtual ~WorkerObserver() = default;
  virtual void OnTransaction(const TransactionReport& report) = 0;
  virtual void OnOutcome(int worker, TransactionOutcome outcome, const absl::Status& why) = 0;
  // Since when the oldest of the worker's transactions is open; InfinitePast: none is.
  virtual void OnOpenTransaction(int /*worker*/, absl::Time /*since*/) {}
  virtual void OnStatus(const WorkerStatus& status) = 0;
  // The source's log was cut back or made anew: where `expected` was next, `found` came. Events are
  // routed on from there; some may be routed a second time.
  virtual void OnOffsetsWentBack(int /*worker*/, const std::string& /*topic*/,
                                 int32_t /*partition*/, int64_t /*expected*/, int64_t /*found*/) {}
  // A task's state is in another phase, or there is something to say of it: what was wrong, or how
  // far it has to go.
  virtual void OnTask(int /*worker*/, const std::string& /*topic*/, int32_t /*partition*/,
                      TaskPhase /*phase*/, const std::string& /*text*/) {}
  // A task's state was rebuilt by a wish to restore, and that is committed.
  virtual void OnRestored(int /*worker*/, const std::string& /*topic*/, int32_t /*partition*/,
                          const std::string& /*text*/) {}
  // What the worker's tasks keep now, a place for each rule of the rule set.
  virtual void OnStateSizes(int /*worker*/, const std::shared_ptr<const router::RuleSet>& /*rules*/,
                            std::vector<router::StateSize> /*by_rule*/) {}
  // A destination was found unable to take records at run time.
  virtual void OnDestinationUnavailable(const std::string& topic, const std::string& reason) = 0;
};

}  // namespace turnout::runtime

// PipelineView: what is known of the pipeline at one moment: plain values, for whoever judges or
// shows them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "runtime/kept_table.h"
#include "runtime/live_rules_status.h"
#include "runtime/rules_status.h"
#include "runtime/schema_registry_status.h"
#include "runtime/security_keeper.h"
#include "runtime/state_stats.h"
#include "runtime/token_keeper.h"
#include "runtime/unwell_destinations.h"
#include "runtime/worker_observer.h"
#include "state/restore_wish.h"

namespace turnout::runtime {

// What doesn't change while the process lives.
struct PipelineFacts {
  std::string version;
  std::string kafka_library_version;
  std::string instance;
  std::string group;
  std::string source_topic;
  std::string dead_letter_topic;
  std::string delivery;
  std::string brokers;
  std::string checkpoint_store;
  bool checkpoints_on_own_disk = false;       // so they are lost with it
  std::optional<state::RestoreWish> restore;  // what is wished of them
  int workers = 1;
  int rekey_workers = 0;  // behind them; may never start
  // A worker that has not turned for so long is stuck.
  absl::Duration stuck_after = absl::Seconds(60);
};

// Which sink the workers produce with, and why.
struct SinkStatus {
  std::string kind;
  std::string why;
};

struct Health {
  bool ok = false;
  std::vector<std::string> reasons;  // why not, in plain words
};

// How a worker's transaction ended that did not commit at the first try.
struct LastOutcome {
  std::string outcome;  // empty: all did
  std::string why;
  absl::Time at;
};

struct WorkerView {
  WorkerStatus status;
  uint64_t transactions = 0;
  uint64_t events = 0;
  absl::Time last_commit;
  absl::Time open_since = absl::InfinitePast();  // its oldest open transaction
  LastOutcome last_outcome;
};

// What a router has done in the last minutes, or since it started where that is less.
struct RecentWork {
  uint64_t events = 0;
  uint64_t dead_letters = 0;
  uint64_t parked = 0;  // outputs
  uint64_t transactions = 0;
  uint64_t failed_transactions = 0;  // redone, or fenced
};

// A destination that was found unable to take records.
struct UnavailableDestination {
  std::string topic;
  std::string reason;
  absl::Time at;
};

// A broker to which a connection failed of late.
struct FailedBroker {
  std::string what;  // as the client says
  absl::Time at;
};

// All of it at one moment.
struct PipelineView {
  PipelineFacts facts;
  absl::Time started;
  absl::Time now;          // by which all else here is told
  absl::Time time_of_day;  // that of the machine, which may have been set since; as events' times
  bool stopping = false;
  Health ready;
  Health brokers;
  std::vector<std::string> stuck;        // workers that don't turn, a sentence each
  std::vector<std::string> waiting_for;  // why no worker may start yet
  std::map<int, WorkerView> workers;
  int32_t source_partitions = 0;  // as the brokers said last; 0: they have not yet
  SinkStatus sink;
  TokenReport token;
  SecurityReport security;
  RulesStatus rules;
  LiveRulesStatus live_rules;
  std::vector<TableStatus> tables;
  SchemaRegistryStatus schemas;
  std::vector<UnavailableDestination> unavailable;
  std::map<std::string, FailedBroker> failed_brokers;  // by address
  UnwellDestinations unwell;
  int64_t parked_lost = 0;  // outputs that the parking topic had lost before they were sent on
  StateServiceStats states;
  RecentWork recent;
  std::string dead_letter_error;  // of the latest
};

// "running", "waiting", ...; "retried", "aborted", ...
std::string_view StateName(WorkerState state);
std::string_view OutcomeName(TransactionOutcome outcome);
std::string_view PhaseName(TaskPhase phase);

}  // namespace turnout::runtime

// Worker: one thread's share of the pipeline: its source, its sink and the tasks of the partitions
// it has been assigned. Each Step is one turn: take what has arrived, route it, commit it.
//
//        Poll            Begin        Produce...        Commit
//   ---> events ------> (open) ----> outputs -------> outputs + offsets visible ---> next turn
//           |               \            \                |
//           |                Unavailable: the same call again, with backoff
//           |                Aborted: Abort, Rewind the source, redo
//           |                FailedPrecondition, Internal: drop the tasks, Open the sink, Rejoin
//           v
//   assignment changes happen only here, when no transaction is open
//
// A batch is what arrived while the last one committed: nothing waits on a timer. What rules
// remember is pending while a transaction is open and follows it: Kafka commits, then the states,
// so that no state is ever ahead. A batch that fills memory, or takes long, before it is through is
// committed in parts.
//
// Where the sink lets transactions overlap, what has arrived is routed into the next one while one
// ends; its states go on from those that are sealed with the one before. It is ended when that one
// has committed, and redone with it when it has not. Nothing else changes meanwhile: not the
// assignment, not the rules, and no partition is being replayed.
//
// An event whose schema is not at hand yet waits, and its partition with it: see schema_waits.h.
//
// An event that ends the process, or makes the brokers refuse what comes of it, each time that it
// is tried, is found and given up: see caution.h.
//
// Errors: Step never fails for a reason that waiting or redoing can cure. Bad events and outputs
//   that their destination can't take go to the dead-letter topic in the same transaction.
// Threads: all calls on one thread. Time and waiting come from the Clock.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "connectors/partition_reader.h"
#include "connectors/sink.h"
#include "connectors/source.h"
#include "router/router.h"
#include "runtime/caution.h"
#include "runtime/clock.h"
#include "runtime/destinations.h"
#include "runtime/rule_feed.h"
#include "runtime/schema_registry.h"
#include "runtime/state_keeper.h"
#include "runtime/table_feed.h"
#include "runtime/task_visits.h"
#include "runtime/worker_observer.h"

namespace turnout::runtime {

struct WorkerOptions {
  int index = 0;
  connectors::Delivery delivery = connectors::Delivery::kExactlyOnce;
  std::string source_topic;
  std::string dead_letter_topic;
  std::string ingestion_topic;  // where events come from first; empty: source_topic
  std::string rekey_topic;      // where matches go whose next step has another key; empty: nowhere
  bool is_rekeyed = false;      // the source is that topic
  std::string group;            // that the source is read in
  std::string parking_topic;    // empty: no rule can be enriched
  // Reads it, for outputs that wait there while their destination is unwell; borrowed. Null: they
  // become dead letters.
  connectors::PartitionReader* parked = nullptr;
  const TableFeed* tables = nullptr;      // borrowed; null: the same
  int64_t team_bytes_per_second_max = 0;  // of a team's outputs; 0: any. Where there is `parked`
  std::string replay_job;                 // names itself in what is sent; empty: live traffic
  bool provenance_headers = true;
  absl::Duration poll_wait = absl::Milliseconds(100);  // how soon a stop or a rule change is seen
  absl::Duration backoff_min = absl::Milliseconds(10);
  absl::Duration backoff_max = absl::Seconds(5);
  // What a partition that is given up may take for its last checkpoint.
  absl::Duration hand_over_max = absl::Seconds(30);
  // How long matches that another router has re-keyed by rules which have not come here yet are
  // waited with; then those rules are taken for ones from before.
  absl::Duration rules_patience = absl::Minutes(2);
  // A transaction takes no more events once it has this, or has been open for so long: brokers
  // abort one that outlives its timeout, and what took that long once would again.
  uint64_t transaction_outputs_max = 200'000;
  size_t pending_state_bytes_max = size_t{64} << 20;
  absl::Duration transaction_time_max = absl::Seconds(5);
  // How often an event is tried alone before it is given up; 0: it is not.
  int event_tries_max = 0;
  CarefulTurn* careful_turn = nullptr;  // borrowed, of all workers of the process; null: no others
  SchemaRegistry* schemas = nullptr;    // borrowed; null: all values are JSON
  bool replays_wait_for_schemas = true;
  TaskVisits* visits = nullptr;  // borrowed; who wants to look at its tasks. Null: nobody
  // Borrowed; null: never. Once it is true, the open transaction takes no more events either.
  const std::atomic<bool>* stopping = nullptr;
};

class Worker {
 public:
  // All pointers are borrowed and outlive the worker. `keeper` may be null where no rule keeps
  // state.
  Worker(WorkerOptions options, connectors::Source* source, connectors::Sink* sink,
         StateKeeper* keeper, Destinations* destinations, const RuleFeed* rules,
         WorkerObserver* observer, Clock* clock);
  ~Worker();

  // One turn: at most one transaction, at most one wait.
  void Step();

  // Leaves the group and ends the producer; what was not committed is somebody else's to redo.
  void Close(absl::Duration timeout);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::runtime

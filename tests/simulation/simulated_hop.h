// SimulatedHop: one worker of a simulated process and all that it works with: the real Worker over
// MemoryLog's source, sink and admin, reading one topic as a member of one group.
//
// Threads: one. Lifetime: `around` and `process` outlive it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "runtime/caution.h"
#include "runtime/destination_probes.h"
#include "runtime/destinations.h"
#include "runtime/rule_feed.h"
#include "runtime/worker.h"
#include "tests/simulation/mutations.h"
#include "tests/simulation/poison.h"
#include "tests/simulation/simulated_states.h"
#include "tests/simulation/state_mutations.h"
#include "tests/support/fault_points.h"
#include "tests/support/memory_log.h"
#include "tests/support/memory_partition_reader.h"
#include "tests/support/memory_state_keeper.h"
#include "tests/support/memory_topic_admin.h"
#include "tests/support/recording_observer.h"

namespace turnout::simulation {

// What all processes of a run share.
struct Surroundings {
  support::SimulatedClock clock;
  support::FaultPoints points{&clock};
  std::unique_ptr<support::MemoryLog> log;
  runtime::RuleFeed rules;
  runtime::RuleFeed older_rules;  // a rule set behind, for the bug of that name
  support::RecordingObserver observer;
  std::unique_ptr<SimulatedStates> states;
  support::SeededRandom keeper_random{0};
  connectors::Delivery delivery = connectors::Delivery::kExactlyOnce;
  bool overlaps = false;
  bool gives_up = false;  // events that were tried too often
  Poisons poisons;
  int64_t team_bytes_per_second_max = 0;
  Mutation mutation = Mutation::kNone;
  std::optional<state::RestoreWish> restore;  // of processes that begin from now on
  // Of every process that ever ran: the brokers remember the dead for a while.
  std::deque<support::SimulatedProcess> processes;

  // Of runs with steps by other keys than the source's.
  bool rekeys = false;
  bool has_rekeyed = false;                         // a rule set with such steps was published
  std::unique_ptr<SimulatedStates> rekeyed_states;  // of the second hop; null without it
  support::SeededRandom turn_random{0};             // which of a process's workers takes a turn
};

enum class Hop { kSource, kRekeyed };

class SimulatedHop {
 public:
  // `turn` is that of the process.
  SimulatedHop(Hop hop, int ordinal, Surroundings* around, support::SimulatedProcess* process,
               runtime::CarefulTurn* turn);

  void Step();
  void Close(absl::Duration timeout) { worker_.Close(timeout); }
  // The process has died.
  void Crash() { place_->Crash(); }

  const support::MemoryStateKeeper& keeper() const { return keeper_; }

 private:
  const std::unique_ptr<support::StatePlace> place_;
  const std::unique_ptr<BuggyPlace> buggy_place_;  // null without a bug
  support::MemoryStateKeeper keeper_;
  const std::unique_ptr<BuggyKeeper> buggy_keeper_;  // null without a bug
  const std::unique_ptr<connectors::Source> source_;
  const std::unique_ptr<connectors::Sink> sink_;
  support::MemoryTopicAdmin admin_;
  support::MemoryPartitionReader parked_;
  runtime::DestinationProbes probes_;
  runtime::Destinations destinations_;
  runtime::Worker worker_;
};

}  // namespace turnout::simulation

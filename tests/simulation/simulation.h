// Simulation: some routers, the world around them and one seed that decides everything that
// happens.
//
// A run has three acts. In the first, chance decides at each turn who acts: a router takes a step,
// events arrive, a rule set is published, a destination falls ill or recovers, a router leaves,
// joins or dies. Faults strike where the plan says. A router that pauses stands still in the middle
// of a call while the others take turns inside of it: single-threaded, and yet a true zombie. In
// the second act nothing more happens and everything must come to rest within a bound of steps and
// of time. In the third every destination is well, some last events arrive, everything comes to
// rest again and all routers are closed. Then the checker looks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connectors/sink.h"
#include "tests/simulation/mutations.h"
#include "tests/support/fault_points.h"

namespace turnout::simulation {

// What is lost between two lives of all routers, besides all disks and checkpoints, so that no
// recovery can be right; or, with nothing lost, what else is. Each has a name to refuse by.
enum class Ruin {
  kNone,
  kSourceCutBack,         // to what is committed: state gap
  kRuleSetsLost,          // rules lost
  kNotesLost,             // the offsets are there: note lost
  kOffsetsLost,           // the checkpoints are there: offsets lost
  kPartitionedOtherwise,  // all is there, but source.partitioned_by is another: state elsewhere
};

// By the rules that were in force at the time, or by those of now.
enum class Restoring { kNot, kInForce, kCurrent };

struct SimulationOptions {
  uint64_t seed = 1;
  connectors::Delivery delivery = connectors::Delivery::kExactlyOnce;
  Mutation mutation = Mutation::kNone;
  // What chance may bring besides the faults.
  int routers_max = 4;
  int source_partitions_max = 4;
  int events_max = 60;
  int faults_max = 6;
  int rule_sets_max = 4;    // published in a run
  bool on_rocksdb = false;  // states, checkpoints and the archive of rule sets; else in memory
  // Once, offsets are set back, so that states are ahead of them: records may repeat, states not.
  // Not to where no state was kept, and with one router: of what lies on others' disks nobody could
  // say that it belongs to another life.
  bool set_back = false;
  Ruin ruin = Ruin::kNone;
  // Once, all that was kept after some time is spoiled, and restored to what was before it, with
  // faults meanwhile; in memory.
  Restoring restoring = Restoring::kNot;
  // Some steps are by other keys than the source's: what comes to them goes on in a second hop.
  bool rekeys = false;
  // A transaction may begin while the one before ends; exactly once only.
  bool overlaps = false;
  // Events that are tried too often are given up; and how many there are that always are. Those of
  // exactly once only: else what they led to before stays.
  bool gives_up = false;
  int poison_max = 0;
  // What a team's outputs may take a second; 0: any. With exactly once what is over it is parked.
  int64_t team_bytes_per_second_max = 0;
  // A fault at this very call, and no other.
  std::optional<std::pair<int64_t, support::Fault>> only_fault;
  bool keep_trace = false;
};

struct SimulationResult {
  std::vector<std::string> violations;  // empty: all is well
  int64_t calls = 0;
  int64_t faults = 0;
  int64_t records = 0;   // seen by a read-committed consumer
  int64_t states = 0;    // that were compared
  int64_t given_up = 0;  // events
  int64_t refusals = 0;  // tasks that were refused, as they had to be
  int64_t drained = 0;   // outputs that were parked, and sent on
  int64_t restored = 0;  // partitions that had a state
  uint64_t trace_hash = 0;
  std::vector<std::string> trace;
};

SimulationResult RunSimulation(const SimulationOptions& options);

}  // namespace turnout::simulation

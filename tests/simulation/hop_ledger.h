// HopLedger: what a run knows of one hop: the topic that it reads, the group that reads it, the
// states of its workers, and every commit that was ever made.
//
// Lifetime: what is borrowed outlives it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connectors/record.h"
#include "state/restore_wish.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/simulated_router.h"
#include "tests/simulation/state_checker.h"

namespace turnout::simulation {

struct HopLedger {
  Hop hop = Hop::kSource;
  SimulatedStates* states = nullptr;
  support::MemoryTopic* topic = nullptr;
  support::MemoryGroup* group = nullptr;
  Versions versions;                                                 // by what the notes say
  std::map<int32_t, std::vector<connectors::SourceOffset>> commits;  // of each partition
};

// From here on commits are written down. Who has taken a partition over says by its note what was
// in force.
void Watch(HopLedger& hop);

// Why the log is not at rest; empty: all is committed, and nothing is open.
std::string WhatIsNotAtRest(const HopLedger& hop);
// Which partition has committed something and not noted the wish; empty: none has not.
std::string WhatIsNotRestored(const HopLedger& hop, const std::optional<state::RestoreWish>& wish);

// What the first note that names the wish says of it.
struct Restored {
  int64_t from = 0;  // of the base
  int64_t to = 0;    // what was committed then
  bool by_other_rules = false;
  std::string rules;    // then: their hash
  std::string problem;  // a later note goes on from somewhere else; empty: none does
};
// Of partitions that had a state.
std::map<int32_t, Restored> FindRestored(const HopLedger& hop, const std::string& wish);

// Whoever has a partition has its state, and that has seen what is committed.
bool StatesAreUpToDate(const HopLedger& hop, const Routers& routers);

// What the workers have in their hands.
FoundStates HeldStates(const HopLedger& hop, const Routers& routers);
// What was made of states before somebody set offsets back is nobody's any more.
void LeaveOutOtherHistories(const HopLedger& hop, FoundStates* found);
// Who hands over leaves a checkpoint of all there is. What is wrong, a sentence a partition.
std::vector<std::string> CheckHandOvers(const HopLedger& hop, const FoundStates& found);

}  // namespace turnout::simulation

// The state checker: outputs of rules that remember, and the states themselves, against two
// references: the real router over each partition's events in one undisturbed run, with the rule
// sets that the commit notes name, and PlainTask, which shares nothing with it.
//
// The second hop is judged by the internal topic alone, a partition at a time in the order of its
// offsets (arrivals.h); and what is in that topic by the hop that sent it there, as if it were one
// more destination.
//
// Every state that lies anywhere (local stores, checkpoints, what the workers hold) must be, to the
// byte, what the undisturbed run had at that offset: whatever recovery chooses is right.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "state/task_state.h"
#include "tests/simulation/checker.h"
#include "tests/support/state_place.h"

namespace turnout::simulation {

using FoundStates = std::map<int32_t, std::vector<support::FoundState>>;  // by partition

// Of all steps that any rule set has.
std::string DumpState(state::TaskState& state);

// What there is to compare of one hop.
struct HopStates {
  FoundStates found;
  const support::MemoryTopic* rekeyed = nullptr;  // the internal topic; null: this is the source
};

// What is wrong, a sentence each, at most a few; empty where all is well. `records` are what the
// checker has found in the destinations.
std::vector<std::string> CheckStates(const Expectation& expectation, StateRecords records,
                                     const std::vector<HopStates>& hops);

}  // namespace turnout::simulation

// The state checker: outputs of rules that remember, and the states themselves, against two
// references: the real router over each partition's events in one undisturbed run, with the rule
// sets that the commit notes name, and PlainTask, which shares nothing with it.
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

// What is wrong, a sentence each, at most a few; empty where all is well.
std::vector<std::string> CheckStates(const Expectation& expectation, const StateRecords& records,
                                     const FoundStates& found);

}  // namespace turnout::simulation

// RealTimeAndChance: the machine's clock and chance, for what the state room may not take itself.
//
// Threads: any, at the same time.
#pragma once

#include "state/time_and_chance.h"

namespace turnout::runtime {

state::TimeAndChance RealTimeAndChance();

}  // namespace turnout::runtime

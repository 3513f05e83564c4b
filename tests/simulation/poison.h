// Poison: events that end the process that routes them, or of which the brokers refuse what comes
// of them, each time that they are tried. What is said of them in the dead-letter topic passes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "connectors/sink.h"
#include "tests/support/fault_points.h"

namespace turnout::simulation {

enum class Poison { kNone, kCrashes, kIsRefused };

// Of a run.
struct Poisons {
  std::map<int, Poison> by_event;  // by its id
  int64_t struck = 0;              // times
};

// The sink of a process that these befall. Both are borrowed.
std::unique_ptr<connectors::Sink> PoisonSink(std::unique_ptr<connectors::Sink> sink,
                                             Poisons* poisons, support::SimulatedProcess* process);

}  // namespace turnout::simulation

// Arrivals: the internal topic of re-keyed events as the second hop reads it, told apart from what
// the router makes of it: each record, by its headers, is an event of the source and the steps that
// it goes on with.
//
// Read by this file alone; of the router it takes the numbers of steps, which are mere names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "state/task_state.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/state_rules.h"
#include "tests/support/memory_log.h"

namespace turnout::simulation {

struct Arrival {
  Place source;    // where the event stands there
  SimEvent event;  // as it was there, but for its position: that of the record
  std::vector<state::StepId> steps;
  std::vector<GoesOn> goes_on;  // the same in words
  std::string rule_ids;
  bool is_shadow = false;
  std::string line;  // RekeyedLine, of what was read
};

// The steps and the rules they are of ("team/a,team/b") in words; nullopt where they make no sense.
std::optional<std::vector<GoesOn>> InWords(absl::Span<const state::StepId> steps,
                                           std::string_view rule_ids, bool is_shadow);

// All that a read-committed reader sees, by partition, in order. What is wrong with a record goes
// to `violations`: its key decides its partition, and the event is as it was, byte by byte.
std::vector<std::vector<Arrival>> ReadArrivals(const support::MemoryTopic& topic,
                                               const Events& events,
                                               std::vector<std::string>* violations);

}  // namespace turnout::simulation

// GroupTaken: whether another EventRouter reads the same topic as the same consumer group.
//
// Two such routers would have half of the partitions each, each by its own rules, and their state
// and checkpoints under the same names. The elder one keeps the group. Routers read the same
// cluster where they name a broker in common; a name without a dot is one of their namespace.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "deploy/controller/router_spec.h"

namespace turnout::controller {

// What is wrong and what to do; empty: nobody else has the group. `others`: EventRouters, a JSON
// array; this one among them does no harm.
std::string GroupTaken(const RouterSpec& router, std::string_view others);

}  // namespace turnout::controller

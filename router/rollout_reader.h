// RolloutReader: a rule's `rollout` from its document.
//
// Errors: appends Problems without a subject; what is answered then is of no use.
// Threads: pure functions.
#pragma once

#include <vector>

#include "router/document.h"
#include "router/rollout.h"

namespace turnout::router {

Rollout ReadRollout(const Node& node, std::vector<Problem>* problems);

}  // namespace turnout::router

// Leave: whether a router that is deleted may go, by spec.onDelete.lag.
//
// Threads: pure function.
#pragma once

#include <optional>

#include "deploy/controller/situation.h"

namespace turnout::controller {

// `has_run`: there are pods, or a StatefulSet that had some. Asks `lag`, `blind` and `drain` of the
// situation.
Leaving Leave(const RouterSpec& router, bool has_run, const Situation& situation);

}  // namespace turnout::controller

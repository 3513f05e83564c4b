// StepReader: a rule's `steps` from its document, checked as far as one rule can be.
//
// Errors: appends Problems without a subject; what is answered then is of no use.
// Threads: pure functions.
#pragma once

#include <vector>

#include "router/document.h"
#include "router/step.h"

namespace turnout::router {

std::vector<Step> ReadSteps(const Node& node, int steps_max, std::vector<Problem>* problems);

}  // namespace turnout::router

// ExplainText: an explanation in plain words, for somebody at a terminal.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "router/explanation.h"
#include "runtime/explain_json.h"

namespace turnout::runtime {

// Lines, each ended.
std::string ExplanationText(const ExplainFrame& frame, const router::Explanation& explanation);

}  // namespace turnout::runtime

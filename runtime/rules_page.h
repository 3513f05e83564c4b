// RulesPage: what /v1/rules shows, and what is reported of the rules to where they come from, as
// JSON. Its fields are described in runtime/README.md.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "runtime/live_rules_status.h"
#include "runtime/rules_status.h"
#include "runtime/worker_observer.h"

namespace turnout::runtime {

std::string RulesPageJson(const RulesStatus& rules, const LiveRulesStatus& live,
                          const std::vector<WorkerStatus>& workers);

// One line. `ok`: everything is in force as it was published.
std::string RuleReportJson(const std::string& instance, const std::string& group,
                           const RulesStatus& rules, const LiveRulesStatus& live);

}  // namespace turnout::runtime

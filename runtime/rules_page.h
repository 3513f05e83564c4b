// RulesPage: what /v1/rules shows, and what is reported of the rules to where they come from, as
// JSON. Its fields are described in runtime/README.md.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "runtime/live_rules_status.h"
#include "runtime/pipeline_view.h"
#include "runtime/rules_status.h"

namespace turnout::runtime {

std::string RulesPageJson(const PipelineView& view);

// One line. `ok`: everything is in force as it was published.
std::string RuleReportJson(const std::string& instance, const std::string& group,
                           const RulesStatus& rules, const LiveRulesStatus& live);

}  // namespace turnout::runtime

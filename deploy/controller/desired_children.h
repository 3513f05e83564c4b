// DesiredChildren: whole objects of a router, in the order in which they are applied.
//
// Threads: pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/controller/live_children.h"
#include "deploy/controller/pipeline_config.h"
#include "deploy/controller/router_spec.h"
#include "deploy/controller/stateful_set.h"

namespace turnout::controller {

// Of teams' rule files alone: those that are not empty.
std::vector<std::string> RuleMaps(const RouterSpec& router,
                                  const std::map<std::string, std::string>& files);

// All of it, of the kinds that the server knows. A replay's Job is made once: what is in a Job
// can't be changed.
std::vector<std::string> DesiredChildren(const RouterSpec& router,
                                         const ControllerFacts& controller,
                                         const PipelineConfig& config,
                                         const std::map<std::string, std::string>& files,
                                         const StatefulSetWish& pods, const LiveChildren& live,
                                         std::string_view claims);

}  // namespace turnout::controller

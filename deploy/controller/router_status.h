// RouterStatus: status of an EventRouter and of the EventRoutes that name it, as JSON.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deploy/controller/conditions.h"
#include "deploy/controller/situation.h"

namespace turnout::controller {

// Of `InForce`, while pods take up a change.
inline constexpr std::string_view kRulesOnTheWay = "OnTheWay";

std::string RouterStatusJson(const Situation& situation, const std::vector<Condition>& conditions);

// `Accepted`: the rules are good. `InForce`: what the pods say of the team.
std::vector<Condition> RouteConditions(const RouteVerdict& verdict,
                                       const std::vector<PodFacts>& pods);
std::string RouteStatusJson(const RouteVerdict& verdict, const std::vector<Condition>& conditions,
                            absl::Time now);

}  // namespace turnout::controller

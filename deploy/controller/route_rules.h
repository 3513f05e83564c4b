// RouteRules: the rule files that a router's pods get, from the EventRoutes that name it.
//
// A team's file is its route's rules with the destinations that the EventRouter permits; the reader
// that routers use says whether it is good. A route that is refused leaves its team with the
// version that the router was given last, as long as that fits what the team may write now; it
// moves nobody else. The files lie in kRuleMaps ConfigMaps, each team always in the same one, whose
// names never change: so a new team changes no pod, and a change of a team is one write.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/controller/router_spec.h"
#include "router/rule_file.h"

namespace turnout::controller {

inline constexpr int kRuleMaps = 8;
// Of all files of one; the API server takes 1 MiB an object.
inline constexpr size_t kRuleMapBytesMax = 1'000'000;
// Problems of a route that its status shows.
inline constexpr size_t kRouteErrorsMax = 20;

// Of the map that the team's file lies in: 0 to kRuleMaps - 1.
int RuleMapOf(std::string_view team);
std::string RuleMapName(const RouterSpec& router, int map);
std::string RuleFileName(std::string_view team);  // "fraud.json"

struct RouteError {
  std::string rule, reason, cure;
};

struct RouteVerdict {
  std::string name, route_namespace, uid, team;
  int64_t generation = 0;
  std::string status_before;  // JSON
  bool is_accepted = false;
  bool has_team = false;        // `team` is the route's: the file below is of it
  std::string reason, message;  // of the condition `Accepted`
  std::vector<RouteError> errors;
  int64_t rules = 0;                // in the file
  std::string hash;                 // of what they say, as pods tell it
  int64_t accepted_generation = 0;  // that the file is of; 0: there is none
};

struct TeamFiles {
  std::map<std::string, std::string> texts;  // by team
  std::vector<RouteVerdict> verdicts;        // of all routes, by namespace and name
};

// `routes` is JSON as in an observation; `live` the files that the router has now, by team.
TeamFiles MakeTeamFiles(const RouterSpec& router, std::string_view routes,
                        const std::map<std::string, std::string>& live,
                        const router::RuleLimits& limits);

}  // namespace turnout::controller

// LiveChildren: what is in the cluster of a router's objects, and which of it is desired no more.
//
// Only what the router owns by its uid is looked at: an object that somebody gave our labels, or
// that a router of this name before it had, is nobody's to remove.
//
// Threads: pure functions; a LiveChildren is an ordinary value.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/controller/healing.h"
#include "deploy/controller/router_spec.h"
#include "deploy/controller/stateful_set.h"

namespace turnout::controller {

struct LiveChild {
  std::string api_version, kind, name, uid;
  std::string component;
};

struct LiveChildren {
  std::vector<LiveChild> all;
  LiveStatefulSet pods;
  std::map<std::string, std::string> rule_files;  // by team
  std::map<std::string, std::string> configs;     // by name of their ConfigMap
  std::set<std::string> job_configs;              // names that Jobs' pods take their config from
  std::map<std::string, std::string> jobs;        // by name, whole
  std::string autoscaler;                         // the HorizontalPodAutoscaler, whole

  bool Has(std::string_view kind, std::string_view name) const;
};

// `children` as in an observation.
LiveChildren ReadChildren(const RouterSpec& router, std::string_view children);

// "KIND/NAME", of an object's text too.
std::string ChildKey(std::string_view kind, std::string_view name);
std::string ChildKeyOf(std::string_view object);

// Those whose key is in none of `kept`.
std::vector<Removal> Pruned(const RouterSpec& router, const LiveChildren& live,
                            const std::set<std::string>& kept);

}  // namespace turnout::controller

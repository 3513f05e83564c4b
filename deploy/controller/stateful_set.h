// StatefulSet: a router's pods, with names that stay: transactional ids are made of them.
//
// The last good template lies in an annotation, as the way back of an upgrade: nothing else of the
// cluster has it whole when the EventRouter has moved on.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deploy/controller/pod_template.h"
#include "deploy/controller/router_spec.h"

namespace turnout::controller {

// What is there.
struct LiveStatefulSet {
  bool is_there = false;
  std::string revision;  // of its template
  std::string config_map;
  std::string claim_size;  // of its claim's template; empty: it has none
  int replicas = 0;
  PodTemplate last_good;  // empty revision: none is known
  std::string last_good_config_map;
};

LiveStatefulSet ReadStatefulSet(std::string_view object);

struct StatefulSetWish {
  PodTemplate pods;       // in force
  PodTemplate last_good;  // to go back to
  int replicas = 0;
  int partition = 0;
  std::string claim_size;  // that of the one that is there: it can't be changed
};

// Pods start and are replaced without waiting for each other's order (podManagementPolicy
// Parallel): else one that can't start would hold up the way back.
std::string MakeStatefulSet(const RouterSpec& router, const StatefulSetWish& wish);

// The claims that are smaller than `state.size`, as they should be; `claims` as in an observation.
std::vector<std::string> ClaimsToGrow(const RouterSpec& router, std::string_view claims);

// The name of the ConfigMap that a template's pods take their config from.
std::string ConfigMapOfTemplate(std::string_view pod_template);

}  // namespace turnout::controller

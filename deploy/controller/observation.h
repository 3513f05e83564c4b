// Observation: what Decide is told of a router (decide.h), put together from texts as they came.
//
// Threads: a pure function.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "deploy/controller/controller_watches.h"
#include "deploy/controller/pod_statuses.h"

namespace turnout::controller {

struct ObservedParts {
  absl::Time now;
  double random = 0;
  std::string controller_namespace, image, version;
  std::vector<std::string> apis;
  std::string router;  // JSON
  ControllerWatches::Objects others, routes, children, pods, claims;
  std::vector<PodStatus> statuses;  // of `pods`, in their order
};

std::string MakeObservation(const ObservedParts& parts);

}  // namespace turnout::controller

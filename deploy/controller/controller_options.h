// ControllerOptions: what `turnout controller` is told.
//
// Errors: InvalidArgument, with the cure.
// Threads: pure functions, but that they read the environment and files.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "deploy/kube/kube_options.h"

namespace turnout::controller {

// A router is looked at again after this long, whether anything is known to have changed or not.
inline constexpr absl::Duration kResyncPeriod = absl::Minutes(5);

struct ControllerOptions {
  kube::KubeOptions kube;
  std::string namespace_name;  // that the controller and its lease are in; empty: as the pod's
  std::string lease = "turnout-controller";
  std::string listen = "127.0.0.1:9465";  // /metrics, /healthz, /readyz
  std::string image = "turnout";          // of routers that name none: a repository without a tag
  std::string version = TURNOUT_VERSION;  // of routers that name none: the image's tag
  std::string identity;                   // in the lease; empty: host name and chance
  bool is_once = false;                   // looks at each router once, and ends
};

// `given` with what it lacks, checked.
absl::StatusOr<ControllerOptions> CompleteOptions(const ControllerOptions& given,
                                                  const kube::PodPlace& place);

}  // namespace turnout::controller

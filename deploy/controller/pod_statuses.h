// AskPods: what a router's pods say of themselves at /v1/status.
//
// They are asked side by side, each for at most kPodTimeout, all of them for kAllPodsTimeout: one
// that hangs holds up nobody for long. Nothing is told to them, so that whoever stands behind a
// pod's address learns nothing; what they answer is bounded, and is somebody's word.
//
// Errors: none; each pod has its own, in words.
// Threads: any; the call blocks.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "deploy/kube/kube_object.h"
#include "deploy/kube/kube_watch.h"
#include "state/http_client.h"

namespace turnout::controller {

inline constexpr int kPodPort = 9464;
inline constexpr absl::Duration kPodTimeout = absl::Seconds(2);
inline constexpr absl::Duration kAllPodsTimeout = absl::Seconds(10);
inline constexpr int kPodsAskedAtOnce = 8;
inline constexpr size_t kPodStatusBytesMax = size_t{4} << 20;

struct PodStatus {
  std::string body;   // an object of JSON; empty: none
  std::string error;  // why not
};

// In the order of `pods`. `port` of all of them.
std::vector<PodStatus> AskPods(state::HttpClient* http,
                               const std::vector<kube::KubeWatch::ObjectPointer>& pods,
                               int port = kPodPort);

}  // namespace turnout::controller

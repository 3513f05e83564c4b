// KubeOptions: where a Kubernetes API server is, and as whom it is asked.
//
// Inside a pod all of it is known: the server by the environment, the token, the authority's
// certificate and the namespace by the files that the kubelet mounts. What is given goes before.
//
// Errors: InvalidArgument, with what is wrong and the cure.
// Threads: pure functions, but that they read the environment and files.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace turnout::kube {

inline constexpr char kPodDirectory[] = "/var/run/secrets/kubernetes.io/serviceaccount";

struct KubeOptions {
  std::string server;      // https://HOST:PORT; http:// on this machine only. Empty: as in a pod
  std::string token_file;  // read at each call, so that a renewed one is taken
  std::string ca_file;     // of the server's authority; empty: the system's
  std::string certificate_file;  // of this client, with key_file; empty: it has none
  std::string key_file;
  // For an answer to be there; a watch may take longer.
  absl::Duration call_timeout = absl::Seconds(30);
};

// What a pod is told by its environment and by `directory`.
struct PodPlace {
  std::string host;  // of KUBERNETES_SERVICE_HOST
  std::string port;  // of KUBERNETES_SERVICE_PORT
  std::string directory = kPodDirectory;
};

PodPlace PodPlaceOfEnvironment();

// `given`, with what it lacks as in a pod, if it names no server. Checked.
absl::StatusOr<KubeOptions> CompleteKubeOptions(const KubeOptions& given, const PodPlace& place);

// The namespace that the pod is in; NotFound outside of one.
absl::StatusOr<std::string> PodNamespace(const PodPlace& place);

}  // namespace turnout::kube

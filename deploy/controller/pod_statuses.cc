#include "deploy/controller/pod_statuses.h"

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "state/parallel.h"

namespace turnout::controller {
namespace {

PodStatus Ask(state::HttpClient* http, const kube::KubeObject& pod, int port) {
  const std::string address = kube::TextAt(pod.json, {"status", "podIP"});
  if (address.empty()) return {"", "it has no address yet"};
  // Only what can be one: the API server's word, too, is not put into a URL as it is.
  if (address.find_first_not_of("0123456789abcdefABCDEF.:") != std::string::npos) {
    return {"", "its address is none"};
  }
  const bool is_v6 = address.find(':') != std::string::npos;
  const std::string host = is_v6 ? absl::StrFormat("[%s]", address) : std::string(address);
  const std::string url = absl::StrFormat("http://%s:%d/v1/status", host, port);
  const absl::StatusOr<state::HttpResponse> answer =
      http->Send({.url = url, .answer_bytes_max = kPodStatusBytesMax, .timeout = kPodTimeout});
  if (!answer.ok()) return {"", std::string(answer.status().message())};
  if (answer->status != 200) return {"", absl::StrFormat("it answers %d", answer->status)};
  const absl::StatusOr<kube::KubeObject> read = kube::ReadKubeObject(answer->body);
  if (!read.ok()) return {"", "it answers with what is no object of JSON"};
  return {read->json, ""};
}

}  // namespace

std::vector<PodStatus> AskPods(state::HttpClient* http,
                               const std::vector<kube::KubeWatch::ObjectPointer>& pods, int port) {
  std::vector<PodStatus> statuses(pods.size());
  const absl::Time end = absl::Now() + kAllPodsTimeout;
  const absl::Status asked = state::ForEachInParallel(pods.size(), kPodsAskedAtOnce, [&](size_t i) {
    statuses[i] = absl::Now() < end ? Ask(http, *pods[i], port)
                                    : PodStatus{"", "it was not asked: others took all the time"};
    return absl::OkStatus();
  });
  (void)asked;  // each pod has its own
  return statuses;
}

}  // namespace turnout::controller

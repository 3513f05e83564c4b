#include "deploy/controller/healing.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "deploy/controller/json_look.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

Removal OfPod(const PodFacts& pod, std::string why) {
  return {.api_version = "v1",
          .kind = "Pod",
          .name = pod.name,
          .object_namespace = pod.pod_namespace,
          .uid = pod.uid,
          .why = std::move(why)};
}

// "state-shop-0" is of the pod "shop-0".
std::string PodOf(const std::string& claim) {
  constexpr std::string_view kPrefix = "state-";
  return claim.starts_with(kPrefix) ? claim.substr(kPrefix.size()) : "";
}

}  // namespace

Healing Heal(const RouterSpec& router, const std::vector<PodFacts>& pods, std::string_view claims) {
  Healing out;
  for (const PodFacts& pod : pods) {
    if (!pod.is_lost) continue;
    Removal removal = OfPod(pod, pod.fault.message);
    removal.grace_seconds = 0;
    out.removals.push_back(std::move(removal));
  }
  const Json json = Json::parse(claims, nullptr, false);
  if (!json.is_array()) return out;
  const bool is_elsewhere = router.checkpoints.store.starts_with("s3://");
  for (const Json& claim : json) {
    if (LookText(claim, {"status", "phase"}) != "Lost") continue;
    if (Look(claim, {"metadata", "deletionTimestamp"}) != nullptr) continue;
    const std::string name = LookText(claim, {"metadata", "name"});
    out.lost_claims.push_back({name, PodOf(name), is_elsewhere});
    if (!is_elsewhere) continue;
    const std::string why =
        absl::StrFormat("the disk of the claim %s is lost; its state comes back from %s", name,
                        router.checkpoints.store);
    out.removals.push_back({.api_version = "v1",
                            .kind = "PersistentVolumeClaim",
                            .name = name,
                            .object_namespace = router.router_namespace,
                            .uid = LookText(claim, {"metadata", "uid"}),
                            .why = why});
    // A claim in use stays until its pod is gone.
    for (const PodFacts& pod : pods) {
      if (pod.name == PodOf(name) && !pod.is_leaving) out.removals.push_back(OfPod(pod, why));
    }
  }
  return out;
}

}  // namespace turnout::controller

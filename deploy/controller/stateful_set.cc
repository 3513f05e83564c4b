#include "deploy/controller/stateful_set.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_format.h"
#include "deploy/controller/child_object.h"
#include "deploy/controller/json_look.h"
#include "deploy/controller/pod_facts.h"
#include "runtime/config_values.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kLastGood = "turnout.dev/last-good";
constexpr int kRevisionsKept = 3;
constexpr std::string_view kClaim = "state";

std::string RevisionOf(const Json& pod_template) {
  return LookText(pod_template, {"metadata", "annotations", kRevisionAnnotation});
}

// "20Gi" is the config's "20GiB".
std::optional<int64_t> Bytes(const std::string& quantity) {
  return runtime::ParseBytes(quantity + "B");
}

Json ClaimTemplate(const RouterSpec& router, const std::string& size) {
  Json spec = {{"accessModes", Json::array({"ReadWriteOnce"})},
               {"volumeMode", "Filesystem"},
               {"resources", {{"requests", {{"storage", size}}}}}};
  if (!router.state.storage_class.empty()) spec["storageClassName"] = router.state.storage_class;
  return {{"apiVersion", "v1"},
          {"kind", "PersistentVolumeClaim"},
          {"metadata", {{"name", kClaim}, {"labels", SelectorLabels<Json>(router)}}},
          {"spec", std::move(spec)}};
}

}  // namespace

std::string ConfigMapOfTemplate(std::string_view pod_template) {
  const Json json = Json::parse(pod_template, nullptr, false);
  for (const Json& volume : LookAll(json, {"spec", "volumes"})) {
    if (LookText(volume, {"name"}) == "config") return LookText(volume, {"configMap", "name"});
  }
  return "";
}

LiveStatefulSet ReadStatefulSet(std::string_view object) {
  const Json json = Json::parse(object, nullptr, false);
  if (!json.is_object()) return {};
  LiveStatefulSet out = {.is_there = true};
  const Json& pods = LookAll(json, {"spec", "template"});
  out.revision = RevisionOf(pods);
  out.config_map = ConfigMapOfTemplate(pods.dump());
  out.replicas = static_cast<int>(LookNumber(json, {"spec", "replicas"}));
  for (const Json& claim : LookAll(json, {"spec", "volumeClaimTemplates"})) {
    out.claim_size = LookText(claim, {"spec", "resources", "requests", "storage"});
  }
  out.last_good.json = LookText(json, {"metadata", "annotations", kLastGood});
  const Json last_good = Json::parse(out.last_good.json, nullptr, false);
  out.last_good.revision = RevisionOf(last_good);
  if (out.last_good.revision.empty()) out.last_good.json.clear();
  out.last_good_config_map = ConfigMapOfTemplate(out.last_good.json);
  return out;
}

std::string MakeStatefulSet(const RouterSpec& router, const StatefulSetWish& wish) {
  Json object = ChildObject<Json>(router, "apps/v1", "StatefulSet", router.name, "router");
  object["metadata"]["annotations"][std::string(kLastGood)] = wish.last_good.json;
  Json spec = {{"replicas", wish.replicas},
               {"serviceName", router.name},
               {"podManagementPolicy", "Parallel"},
               {"revisionHistoryLimit", kRevisionsKept},
               {"selector", {{"matchLabels", SelectorLabels<Json>(router)}}},
               {"updateStrategy",
                {{"type", "RollingUpdate"}, {"rollingUpdate", {{"partition", wish.partition}}}}},
               {"template", Json::parse(wish.pods.json, nullptr, false)}};
  if (router.state.is_kept) {
    const std::string& size = wish.claim_size.empty() ? router.state.size : wish.claim_size;
    spec["volumeClaimTemplates"] = Json::array({ClaimTemplate(router, size)});
    // A pause is a scale to nothing, so what is scaled away keeps its claim.
    spec["persistentVolumeClaimRetentionPolicy"] = {{"whenDeleted", router.state.retain},
                                                    {"whenScaled", "Retain"}};
  }
  object["spec"] = std::move(spec);
  return object.dump();
}

std::vector<std::string> ClaimsToGrow(const RouterSpec& router, std::string_view claims) {
  std::vector<std::string> grown;
  const std::optional<int64_t> wanted = Bytes(router.state.size);
  if (!router.state.is_kept || !wanted) return grown;
  const Json json = Json::parse(claims, nullptr, false);
  if (!json.is_array()) return grown;
  for (const Json& claim : json) {
    const std::optional<int64_t> has =
        Bytes(LookText(claim, {"spec", "resources", "requests", "storage"}));
    const bool is_bound = LookText(claim, {"status", "phase"}) == "Bound";
    if (!has || *has >= *wanted || !is_bound) continue;
    grown.push_back(
        Json{{"apiVersion", "v1"},
             {"kind", "PersistentVolumeClaim"},
             {"metadata",
              {{"name", LookText(claim, {"metadata", "name"})},
               {"namespace", router.router_namespace},
               {"labels", SelectorLabels<Json>(router)}}},
             {"spec", {{"resources", {{"requests", {{"storage", router.state.size}}}}}}}}
            .dump());
  }
  return grown;
}

}  // namespace turnout::controller

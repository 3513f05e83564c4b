#include "deploy/controller/live_children.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "deploy/controller/json_look.h"
#include "deploy/controller/route_rules.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

bool IsOwnedBy(const RouterSpec& router, const Json& object) {
  for (const Json& owner : LookAll(object, {"metadata", "ownerReferences"})) {
    if (LookText(owner, {"uid"}) == router.uid) return true;
  }
  return false;
}

void ReadConfigMap(const RouterSpec& router, const std::string& name, const Json& object,
                   LiveChildren* out) {
  const Json& data = LookAll(object, {"data"});
  if (name.starts_with(router.name + "-rules-")) {
    constexpr std::string_view kEnd = ".json";
    for (const auto& [file, text] : data.items()) {
      if (!text.is_string() || !file.ends_with(kEnd)) continue;
      out->rule_files[file.substr(0, file.size() - kEnd.size())] = text.get<std::string>();
    }
  } else if (Look(data, {"pipeline.yaml"}) != nullptr) {
    out->configs[name] = LookText(data, {"pipeline.yaml"});
  }
}

}  // namespace

std::string ChildKey(std::string_view kind, std::string_view name) {
  return absl::StrFormat("%s/%s", kind, name);
}

std::string ChildKeyOf(std::string_view object) {
  const Json json = Json::parse(object, nullptr, false);
  return ChildKey(LookText(json, {"kind"}), LookText(json, {"metadata", "name"}));
}

bool LiveChildren::Has(std::string_view kind, std::string_view name) const {
  return std::any_of(all.begin(), all.end(), [&](const LiveChild& child) {
    return child.kind == kind && child.name == name;
  });
}

LiveChildren ReadChildren(const RouterSpec& router, std::string_view children) {
  LiveChildren out;
  const Json json = Json::parse(children, nullptr, false);
  if (!json.is_array()) return out;
  for (const Json& object : json) {
    // One on its way out is as good as gone; it is made anew once it is.
    const bool is_leaving = Look(object, {"metadata", "deletionTimestamp"}) != nullptr;
    if (!IsOwnedBy(router, object) || is_leaving) continue;
    const std::string kind = LookText(object, {"kind"});
    const std::string name = LookText(object, {"metadata", "name"});
    out.all.push_back({LookText(object, {"apiVersion"}), kind, name,
                       LookText(object, {"metadata", "uid"}),
                       LookText(object, {"metadata", "labels", "app.kubernetes.io/component"})});
    if (kind == "StatefulSet" && name == router.name) out.pods = ReadStatefulSet(object.dump());
    if (kind == "ConfigMap") ReadConfigMap(router, name, object, &out);
    if (kind == "HorizontalPodAutoscaler" && name == router.name) out.autoscaler = object.dump();
    if (kind == "Job") {
      out.jobs[name] = object.dump();
      out.job_configs.insert(ConfigMapOfTemplate(LookJson(object, {"spec", "template"})));
    }
  }
  return out;
}

std::vector<Removal> Pruned(const RouterSpec& router, const LiveChildren& live,
                            const std::set<std::string>& kept) {
  std::vector<Removal> removals;
  for (const LiveChild& child : live.all) {
    if (kept.contains(ChildKey(child.kind, child.name))) continue;
    removals.push_back(
        {.api_version = child.api_version,
         .kind = child.kind,
         .name = child.name,
         .object_namespace = router.router_namespace,
         .uid = child.uid,
         .propagation = "Background",
         .why = absl::StrFormat("%s %s is desired no more", child.kind, child.name)});
  }
  return removals;
}

}  // namespace turnout::controller

#include "deploy/controller/desired_children.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "deploy/controller/autoscaling.h"
#include "deploy/controller/child_object.h"
#include "deploy/controller/network_children.h"
#include "deploy/controller/route_rules.h"
#include "deploy/controller/upkeep_children.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

}  // namespace

std::vector<std::string> RuleMaps(const RouterSpec& router,
                                  const std::map<std::string, std::string>& files) {
  std::map<int, Json> maps;
  for (const auto& [team, text] : files) maps[RuleMapOf(team)][RuleFileName(team)] = text;
  std::vector<std::string> objects;
  for (const auto& [map, data] : maps) {
    Json object = ChildObject<Json>(router, "v1", "ConfigMap", RuleMapName(router, map), "rules");
    // Who sees it change wakes the kubelets: they look at ConfigMaps once a minute only.
    object["metadata"]["annotations"]["turnout.dev/rules"] = ShortHash(data.dump());
    object["data"] = data;
    objects.push_back(object.dump());
  }
  return objects;
}

std::vector<std::string> DesiredChildren(const RouterSpec& router,
                                         const ControllerFacts& controller,
                                         const PipelineConfig& config,
                                         const std::map<std::string, std::string>& files,
                                         const StatefulSetWish& pods, const LiveChildren& live,
                                         std::string_view claims) {
  std::vector<std::string> all = {MakeServiceAccount(router), MakeConfigMap(router, config)};
  for (std::string& map : RuleMaps(router, files)) all.push_back(std::move(map));
  all.push_back(MakePodService(router));
  all.push_back(MakeNetworkPolicy(router, controller));
  all.push_back(MakeDisruptionBudget(router));
  all.push_back(MakeStatefulSet(router, pods));
  for (std::string& claim : ClaimsToGrow(router, claims)) all.push_back(std::move(claim));
  const Scaler scaler = ScalerOf(router, controller);
  if (scaler == Scaler::kKeda) all.push_back(MakeScaledObject(router));
  if (scaler == Scaler::kKubernetes && !IsHeld(router)) all.push_back(MakeAutoscaler(router));
  if (controller.Knows(kPodMonitorApi)) all.push_back(MakePodMonitor(router));
  if (controller.Knows(kPrometheusRuleApi)) all.push_back(MakePrometheusRule(router));
  if (!router.ingress.host.empty()) {
    all.push_back(MakeStatusService(router));
    all.push_back(MakeIngress(router));
  }
  const bool replays = !router.replay.rule.empty() && !router.is_leaving;
  if (replays && !live.Has("Job", ReplayJobName(router))) {
    all.push_back(MakeReplayJob(router, config));
  }
  return all;
}

}  // namespace turnout::controller

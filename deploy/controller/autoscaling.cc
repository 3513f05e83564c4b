#include "deploy/controller/autoscaling.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "deploy/controller/child_object.h"
#include "deploy/controller/json_look.h"
#include "deploy/controller/upkeep_children.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

constexpr int kPollSeconds = 15;
constexpr int kScaleDownSeconds = 600;  // a rebalance costs more than a pod that idles

Json Target(const RouterSpec& router) {
  return {{"apiVersion", kApiVersion}, {"kind", "EventRouter"}, {"name", router.name}};
}

Json Behavior() { return {{"scaleDown", {{"stabilizationWindowSeconds", kScaleDownSeconds}}}}; }

}  // namespace

Scaler ScalerOf(const RouterSpec& router, const ControllerFacts& controller) {
  const RouterSpec::Autoscaling& scaling = router.autoscaling;
  if (!scaling.is_on) return Scaler::kNobody;
  const bool knows_keda = controller.Knows(kScaledObjectApi);
  if (scaling.scaler == "Keda") return knows_keda ? Scaler::kKeda : Scaler::kMissingKeda;
  if (scaling.scaler == "HorizontalPodAutoscaler") return Scaler::kKubernetes;
  return knows_keda ? Scaler::kKeda : Scaler::kKubernetes;
}

bool IsHeld(const RouterSpec& router) {
  return router.is_paused || router.is_draining || router.is_leaving;
}

std::string MakeScaledObject(const RouterSpec& router) {
  Json object =
      ChildObject<Json>(router, "keda.sh/v1alpha1", "ScaledObject", router.name, "router");
  if (IsHeld(router)) object["metadata"]["annotations"]["autoscaling.keda.sh/paused"] = "true";
  const RouterSpec::Autoscaling& scaling = router.autoscaling;
  const Json trigger = {
      {"type", "prometheus"},
      {"metricType", "Value"},
      {"metadata",
       {{"serverAddress", scaling.prometheus},
        {"query", absl::StrFormat("max(turnout_partition_lag_seconds{%s})", MatcherOf(router))},
        {"threshold", absl::StrFormat("%d", scaling.lag_seconds)}}}};
  object["spec"] = {{"scaleTargetRef", Target(router)},
                    {"minReplicaCount", scaling.min_replicas},
                    {"maxReplicaCount", scaling.max_replicas},
                    {"pollingInterval", kPollSeconds},
                    {"advanced", {{"horizontalPodAutoscalerConfig", {{"behavior", Behavior()}}}}},
                    {"triggers", Json::array({trigger})}};
  return object.dump();
}

std::string MakeAutoscaler(const RouterSpec& router) {
  Json object =
      ChildObject<Json>(router, "autoscaling/v2", "HorizontalPodAutoscaler", router.name, "router");
  const RouterSpec::Autoscaling& scaling = router.autoscaling;
  const Json lag = {
      {"type", "External"},
      {"external",
       {{"metric",
         {{"name", kLagMetric},
          {"selector", {{"matchLabels", {{"turnout_dev_router", router.name}}}}}}},
        {"target", {{"type", "Value"}, {"value", absl::StrFormat("%d", scaling.lag_seconds)}}}}}};
  object["spec"] = {{"scaleTargetRef", Target(router)},
                    {"minReplicas", scaling.min_replicas},
                    {"maxReplicas", scaling.max_replicas},
                    {"behavior", Behavior()},
                    {"metrics", Json::array({lag})}};
  return object.dump();
}

std::string MetricTrouble(std::string_view autoscaler) {
  const Json json = Json::parse(autoscaler, nullptr, false);
  for (const Json& condition : LookAll(json, {"status", "conditions"})) {
    if (LookText(condition, {"type"}) == "ScalingActive" &&
        LookText(condition, {"status"}) == "False" &&
        LookText(condition, {"reason"}).starts_with("FailedGet")) {
      return LookText(condition, {"message"});
    }
  }
  return "";
}

}  // namespace turnout::controller

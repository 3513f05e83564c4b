#include "deploy/controller/upkeep_children.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "deploy/controller/alert_texts.h"
#include "deploy/controller/child_object.h"
#include "deploy/controller/json_look.h"
#include "deploy/controller/pod_template.h"
#include "router/document.h"
#include "runtime/exit_status.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;
using router::Node;

constexpr int kReplayTriesMax = 6;

Json ToJson(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kObject: {
      Json out = Json::object();
      for (const router::Member& member : node.members) out[member.name] = ToJson(member.value);
      return out;
    }
    case Node::Kind::kArray: {
      Json out = Json::array();
      for (const Node& item : node.items) out.push_back(ToJson(item));
      return out;
    }
    case Node::Kind::kBool:
      return node.text == "true";
    case Node::Kind::kNumber:
      return Json::parse(node.text, nullptr, false);
    case Node::Kind::kString:
      return node.text;
    case Node::Kind::kNull:
      break;
  }
  return nullptr;
}

bool IsNameLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

bool IsSeries(std::string_view name) {
  return name.starts_with("turnout_") || name.starts_with("process_") || name == "up";
}

}  // namespace

std::string MakeServiceAccount(const RouterSpec& router) {
  Json object = ChildObject<Json>(router, "v1", "ServiceAccount", router.name, "router");
  object["automountServiceAccountToken"] = false;
  if (!router.role_arn.empty()) {
    object["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] = router.role_arn;
  }
  return object.dump();
}

std::string MakeConfigMap(const RouterSpec& router, const PipelineConfig& config) {
  Json object =
      ChildObject<Json>(router, "v1", "ConfigMap", ConfigMapName(router, config.hash), "config");
  object["immutable"] = true;
  object["data"] = {{"pipeline.yaml", config.text}};
  return object.dump();
}

std::string MakeDisruptionBudget(const RouterSpec& router) {
  Json object =
      ChildObject<Json>(router, "policy/v1", "PodDisruptionBudget", router.name, "router");
  // One at a time, whatever their number: a single pod may be moved too.
  object["spec"] = {{"maxUnavailable", 1},
                    {"unhealthyPodEvictionPolicy", "AlwaysAllow"},
                    {"selector", {{"matchLabels", SelectorLabels<Json>(router)}}}};
  return object.dump();
}

std::string MatcherOf(const RouterSpec& router) {
  return absl::StrFormat("namespace=\"%s\",turnout_dev_router=\"%s\"", router.router_namespace,
                         router.name);
}

std::string MakePodMonitor(const RouterSpec& router) {
  Json object =
      ChildObject<Json>(router, "monitoring.coreos.com/v1", "PodMonitor", router.name, "router");
  const Json endpoint = {{"port", "http"}, {"path", "/metrics"}, {"interval", "15s"}};
  object["spec"] = {{"jobLabel", "app.kubernetes.io/name"},  // job="turnout", as alerts ask
                    {"podTargetLabels", Json::array({kRouterLabel})},
                    {"selector", {{"matchLabels", SelectorLabels<Json>(router)}}},
                    {"podMetricsEndpoints", Json::array({endpoint})}};
  return object.dump();
}

std::string WithMatcher(std::string_view query, std::string_view matcher) {
  std::string out;
  size_t at = 0;
  while (at < query.size()) {
    if (query[at] == '"') {
      const size_t end = query.find('"', at + 1);
      const size_t next = end == std::string_view::npos ? query.size() : end + 1;
      out += query.substr(at, next - at);
      at = next;
      continue;
    }
    size_t end = at;
    while (end < query.size() && IsNameLetter(query[end])) ++end;
    if (end == at) {
      out += query[at++];
      continue;
    }
    const std::string_view name = query.substr(at, end - at);
    out += name;
    at = end;
    if (!IsSeries(name)) continue;
    out += '{';
    out += matcher;
    if (at < query.size() && query[at] == '{') {
      out += ',';
      ++at;
    } else {
      out += '}';
    }
  }
  return out;
}

std::string MakePrometheusRule(const RouterSpec& router) {
  Json object = ChildObject<Json>(router, "monitoring.coreos.com/v1", "PrometheusRule", router.name,
                                  "router");
  std::vector<router::Problem> ignored;  // a test reads the file by this reader
  const std::optional<Node> alerts = router::ParseYaml(AlertsYaml(), &ignored);
  Json groups = alerts ? LookAll(ToJson(*alerts), {"groups"}) : Json::array();
  const std::string matcher = MatcherOf(router);
  for (Json& group : groups) {
    for (Json& rule : group["rules"]) {
      rule["expr"] = WithMatcher(LookText(rule, {"expr"}), matcher);
      rule["labels"]["router"] = router.name;
      rule["labels"]["namespace"] = router.router_namespace;
    }
  }
  object["spec"] = {{"groups", std::move(groups)}};
  return object.dump();
}

std::string ReplayJobName(const RouterSpec& router) {
  const ReplaySpec& replay = router.replay;
  const Json all = {replay.rule, replay.from, replay.to, replay.to_topic, replay.rate, replay.job};
  return absl::StrFormat("%s-replay-%s", router.name, ShortHash(all.dump()));
}

std::string MakeReplayJob(const RouterSpec& router, const PipelineConfig& config) {
  const ReplaySpec& replay = router.replay;
  const std::string name = ReplayJobName(router);
  Json arguments =
      Json::array({"replay", "--config", kConfigFile, "--rule", replay.rule, "--from", replay.from,
                   "--to", replay.to, "--job", replay.job.empty() ? name : replay.job});
  const auto add = [&](std::string_view option, const std::string& value) {
    if (value.empty()) return;
    arguments.push_back(option);
    arguments.push_back(value);
  };
  add("--to-topic", replay.to_topic);
  add("--rate", replay.rate);
  Json object = ChildObject<Json>(router, "batch/v1", "Job", name, "replay");
  const Json refused = {{"action", "FailJob"},
                        {"onExitCodes",
                         {{"containerName", "turnout"},
                          {"operator", "In"},
                          {"values", Json::array({runtime::kExitRefused})}}}};
  object["spec"] = {
      {"backoffLimit", kReplayTriesMax},
      {"podFailurePolicy", {{"rules", Json::array({refused})}}},
      {"template", Json::parse(JobPodTemplate(router, config, arguments.dump()), nullptr, false)}};
  return object.dump();
}

}  // namespace turnout::controller

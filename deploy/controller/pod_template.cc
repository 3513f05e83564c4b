#include "deploy/controller/pod_template.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_format.h"
#include "deploy/controller/child_object.h"
#include "deploy/controller/pod_facts.h"
#include "deploy/controller/route_rules.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

constexpr int kUser = 65532;
constexpr int kSecretMode = 0440;  // the group is the pod's
constexpr std::string_view kTokenVolume = "manager";
constexpr int kTokenSeconds = 3600;
constexpr std::string_view kTemporary = "64Mi";

Json ContainerSecurity() {
  return {{"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"runAsNonRoot", true},
          {"capabilities", {{"drop", Json::array({"ALL"})}}}};
}

Json PodSecurity() {
  return {{"runAsNonRoot", true},
          {"runAsUser", kUser},
          {"runAsGroup", kUser},
          {"fsGroup", kUser},
          {"fsGroupChangePolicy", "OnRootMismatch"},
          {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

Json Probe(std::string_view path, int period_seconds, int failures) {
  return {{"httpGet", {{"path", path}, {"port", "http"}, {"scheme", "HTTP"}}},
          {"periodSeconds", period_seconds},
          {"timeoutSeconds", 5},
          {"failureThreshold", failures}};
}

Json EnvironmentOf() {
  const auto field = [](std::string_view path) {
    return Json{{"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", path}}}};
  };
  return Json::array({{{"name", "TURNOUT_INSTANCE"}, {"valueFrom", field("metadata.name")}}});
}

Json Resources(const RouterSpec& router) {
  if (!router.resources.empty()) return Json::parse(router.resources, nullptr, false);
  return {{"requests", {{"cpu", "1"}, {"memory", "1Gi"}}}, {"limits", {{"memory", "2Gi"}}}};
}

struct SecretMount {
  std::string_view volume;
  std::string secret;
  std::string_view directory;
};

std::vector<SecretMount> SecretsOf(const RouterSpec& router) {
  std::vector<SecretMount> secrets;
  const auto add = [&](std::string_view volume, const std::string& secret,
                       std::string_view directory) {
    if (!secret.empty()) secrets.push_back({volume, secret, directory});
  };
  add("kafka", router.kafka.credentials_secret, kKafkaDirectory);
  add("kafka-ca", router.kafka.ca_secret, kKafkaCaDirectory);
  add("kafka-client", router.kafka.client_certificate_secret, kKafkaClientDirectory);
  add(kTokenVolume, router.manager.token_secret, kManagerDirectory);
  add("manager-ca", router.manager.ca_secret, kManagerCaDirectory);
  return secrets;
}

// The manager takes what Kubernetes signs for the pod's service account, where no Secret is named.
bool HasSignedToken(const RouterSpec& router) {
  return !router.HasRoutes() && router.manager.token_secret.empty();
}

// The kubelet renews it, and the router reads the file at each request.
Json TokenVolume(const RouterSpec& router) {
  const Json token = {{"audience", router.manager.audience},
                      {"expirationSeconds", kTokenSeconds},
                      {"path", "token"}};
  const Json source = {{"serviceAccountToken", token}};
  return {{"name", kTokenVolume},
          {"projected", {{"sources", Json::array({source})}, {"defaultMode", kSecretMode}}}};
}

Json RulesVolume(const RouterSpec& router) {
  Json sources = Json::array();
  for (int map = 0; map < kRuleMaps; ++map) {
    sources.push_back({{"configMap", {{"name", RuleMapName(router, map)}, {"optional", true}}}});
  }
  return {{"name", "rules"}, {"projected", {{"sources", std::move(sources)}}}};
}

// Without that of the state, which is a claim of the StatefulSet's where it is kept.
Json Volumes(const RouterSpec& router, const PipelineConfig& config, bool has_claim) {
  Json volumes = Json::array(
      {{{"name", "config"}, {"configMap", {{"name", ConfigMapName(router, config.hash)}}}},
       {{"name", "tmp"}, {"emptyDir", {{"sizeLimit", kTemporary}}}}});
  if (router.HasRoutes()) volumes.push_back(RulesVolume(router));
  if (!has_claim) volumes.push_back({{"name", "state"}, {"emptyDir", Json::object()}});
  if (HasSignedToken(router)) volumes.push_back(TokenVolume(router));
  for (const SecretMount& secret : SecretsOf(router)) {
    volumes.push_back({{"name", secret.volume},
                       {"secret", {{"secretName", secret.secret}, {"defaultMode", kSecretMode}}}});
  }
  return volumes;
}

// The config as one file: within a mount of its own directory no other could be made. Its name has
// its hash, so it need not follow changes.
Json Mounts(const RouterSpec& router) {
  Json mounts = Json::array({{{"name", "config"},
                              {"mountPath", kConfigFile},
                              {"subPath", "pipeline.yaml"},
                              {"readOnly", true}},
                             {{"name", "tmp"}, {"mountPath", "/tmp"}},
                             {{"name", "state"}, {"mountPath", kStateDirectory}}});
  if (router.HasRoutes()) {
    mounts.push_back({{"name", "rules"}, {"mountPath", kRulesDirectory}, {"readOnly", true}});
  }
  if (HasSignedToken(router)) {
    mounts.push_back(
        {{"name", kTokenVolume}, {"mountPath", kManagerDirectory}, {"readOnly", true}});
  }
  for (const SecretMount& secret : SecretsOf(router)) {
    mounts.push_back(
        {{"name", secret.volume}, {"mountPath", secret.directory}, {"readOnly", true}});
  }
  return mounts;
}

Json Container(const RouterSpec& router, const Json& arguments) {
  return {{"name", kContainer},
          {"image", router.image},
          {"command", Json::array({"/usr/bin/turnout"})},
          {"args", arguments},
          {"env", EnvironmentOf()},
          {"resources", Resources(router)},
          {"securityContext", ContainerSecurity()},
          {"terminationMessagePolicy", "FallbackToLogsOnError"},
          {"volumeMounts", Mounts(router)}};
}

Json Tolerations(const RouterSpec& router) {
  Json all = Json::array();
  if (!router.tolerations.empty()) all = Json::parse(router.tolerations, nullptr, false);
  for (const std::string_view taint :
       {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    all.push_back({{"key", taint},
                   {"operator", "Exists"},
                   {"effect", "NoExecute"},
                   {"tolerationSeconds", kSilentNodeSeconds}});
  }
  return all;
}

Json Spread(const RouterSpec& router) {
  Json all = Json::array();
  for (const std::string_view key : {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}) {
    all.push_back({{"maxSkew", 1},
                   {"topologyKey", key},
                   {"whenUnsatisfiable", "ScheduleAnyway"},
                   {"labelSelector", {{"matchLabels", SelectorLabels<Json>(router)}}}});
  }
  return all;
}

Json Affinity(std::string_view capacity) {
  const Json expression = {{"key", "karpenter.sh/capacity-type"},
                           {"operator", "In"},
                           {"values", Json::array({capacity})}};
  const Json term = {{"matchExpressions", Json::array({expression})}};
  return {{"nodeAffinity",
           {{"requiredDuringSchedulingIgnoredDuringExecution",
             {{"nodeSelectorTerms", Json::array({term})}}}}}};
}

void SetPlacing(const RouterSpec& router, Json* spec) {
  (*spec)["tolerations"] = Tolerations(router);
  (*spec)["topologySpreadConstraints"] = Spread(router);
  if (!router.schedule_class.empty()) {
    (*spec)["affinity"] = Affinity(router.schedule_class == "Spot" ? "spot" : "on-demand");
  }
  if (!router.node_selector.empty()) {
    (*spec)["nodeSelector"] = Json::parse(router.node_selector, nullptr, false);
  }
  if (!router.priority_class.empty()) (*spec)["priorityClassName"] = router.priority_class;
}

Json PodSpec(const RouterSpec& router, const PipelineConfig& config, const Json& container,
             bool has_claim) {
  Json spec = {{"serviceAccountName", router.name},
               {"automountServiceAccountToken", false},
               {"enableServiceLinks", false},
               {"securityContext", PodSecurity()},
               {"containers", Json::array({container})},
               {"volumes", Volumes(router, config, has_claim)}};
  for (const std::string& secret : router.image_pull_secrets) {
    spec["imagePullSecrets"].push_back({{"name", secret}});
  }
  SetPlacing(router, &spec);
  return spec;
}

// By which Datadog's agent finds metrics and logs.
void SetDatadog(const RouterSpec& router, Json* metadata) {
  const std::string container(kContainer);
  const Json checks = {
      {"openmetrics",
       {{"init_config", Json::object()},
        {"instances", Json::array({{{"openmetrics_endpoint",
                                     absl::StrFormat("http://%%%%host%%%%:%d/metrics", kAdminPort)},
                                    {"namespace", "turnout"},
                                    {"metrics", Json::array({"turnout_.*", "process_.*"})}}})}}}};
  const Json logs = Json::array({{{"source", "turnout"}, {"service", router.name}}});
  Json& annotations = (*metadata)["annotations"];
  annotations["ad.datadoghq.com/" + container + ".checks"] = checks.dump();
  annotations["ad.datadoghq.com/" + container + ".logs"] = logs.dump();
  Json& labels = (*metadata)["labels"];
  labels["tags.datadoghq.com/service"] = router.name;
  labels["tags.datadoghq.com/env"] = router.router_namespace;
}

}  // namespace

std::string ConfigMapName(const RouterSpec& router, const std::string& config_hash) {
  return absl::StrFormat("%s-config-%s", router.name, config_hash);
}

PodTemplate MakePodTemplate(const RouterSpec& router, const PipelineConfig& config) {
  Json container = Container(router, Json::array({"run", "--config", kConfigFile}));
  container["ports"] =
      Json::array({{{"name", "http"}, {"containerPort", kAdminPort}, {"protocol", "TCP"}}});
  container["startupProbe"] = Probe("/healthz", 1, 60);
  container["livenessProbe"] = Probe("/healthz", 10, 6);
  container["readinessProbe"] = Probe("/readyz", 2, 3);
  Json pod = PodSpec(router, config, container, router.state.is_kept);
  pod["terminationGracePeriodSeconds"] = absl::ToInt64Seconds(
      absl::Ceil(config.shutdown_timeout, absl::Seconds(1)) + kGraceBeyondShutdown);
  Json labels = ChildLabels<Json>(router, "router");
  labels[std::string(kNetworkLabel)] = router.name;
  Json metadata = {{"labels", std::move(labels)},
                   {"annotations", {{"turnout.dev/config", config.hash}}}};
  if (router.datadog) SetDatadog(router, &metadata);
  Json out = {{"metadata", std::move(metadata)}, {"spec", std::move(pod)}};
  const std::string revision = ShortHash(out.dump());
  out["metadata"]["annotations"][std::string(kRevisionAnnotation)] = revision;
  return {out.dump(), revision};
}

std::string JobPodTemplate(const RouterSpec& router, const PipelineConfig& config,
                           const std::string& arguments) {
  const Json container = Container(router, Json::parse(arguments, nullptr, false));
  Json pod = PodSpec(router, config, container, false);
  pod["restartPolicy"] = "Never";
  // Of what is selected by these labels, the pods of a Job are none.
  Json labels = {{"app.kubernetes.io/name", "turnout-replay"},
                 {"app.kubernetes.io/instance", router.name},
                 {"app.kubernetes.io/managed-by", "turnout-controller"},
                 {"turnout.dev/replay-of", router.name},
                 {std::string(kNetworkLabel), router.name}};
  return Json{{"metadata", {{"labels", std::move(labels)}}}, {"spec", std::move(pod)}}.dump();
}

}  // namespace turnout::controller

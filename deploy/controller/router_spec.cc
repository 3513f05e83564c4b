#include "deploy/controller/router_spec.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "deploy/controller/json_look.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

std::vector<std::string> Texts(const Json& value, JsonPath path) {
  std::vector<std::string> texts;
  for (const Json& item : LookAll(value, path)) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

int Int(const Json& value, JsonPath path, int fallback) {
  return static_cast<int>(LookNumber(value, path, fallback));
}

std::vector<Place> Places(const Json& spec, std::string_view which) {
  std::vector<Place> places;
  for (const Json& place : LookAll(spec, {"network", which})) {
    places.push_back({LookText(place, {"cidr"}), Int(place, {"port"}, 0)});
  }
  return places;
}

void ReadIdentity(const Json& router, RouterSpec* out) {
  out->name = LookText(router, {"metadata", "name"});
  out->router_namespace = LookText(router, {"metadata", "namespace"});
  out->uid = LookText(router, {"metadata", "uid"});
  out->created = LookText(router, {"metadata", "creationTimestamp"});
  out->generation = LookNumber(router, {"metadata", "generation"});
  out->is_leaving = Look(router, {"metadata", "deletionTimestamp"}) != nullptr;
  out->finalizers = Texts(router, {"metadata", "finalizers"});
}

void ReadReplicas(const Json& spec, RouterSpec* out) {
  out->replicas = Int(spec, {"replicas"}, 1);
  if (Look(spec, {"autoscaling"}) == nullptr) return;
  RouterSpec::Autoscaling& scaling = out->autoscaling;
  scaling.is_on = true;
  scaling.min_replicas = Int(spec, {"autoscaling", "minReplicas"}, 1);
  scaling.max_replicas =
      std::max(scaling.min_replicas, Int(spec, {"autoscaling", "maxReplicas"}, 1));
  scaling.lag_seconds = Int(spec, {"autoscaling", "lagSeconds"}, 30);
  scaling.scaler = LookText(spec, {"autoscaling", "scaler"});
  scaling.prometheus = LookText(spec, {"autoscaling", "prometheus"},
                                "http://prometheus-operated.monitoring.svc:9090");
  out->replicas = std::clamp(out->replicas, scaling.min_replicas, scaling.max_replicas);
}

void ReadImage(const Json& spec, const ControllerFacts& controller, RouterSpec* out) {
  out->version = LookText(spec, {"version"}, controller.version);
  const std::string image = LookText(spec, {"image"}, controller.image);
  const bool is_by_digest = image.find('@') != std::string::npos;
  out->image = is_by_digest ? image : absl::StrFormat("%s:%s", image, out->version);
}

void ReadPods(const Json& spec, RouterSpec* out) {
  out->resources = LookJson(spec, {"resources"});
  if (Look(spec, {"state"}) != nullptr) {
    out->state = {.is_kept = true,
                  .size = LookText(spec, {"state", "size"}, "10Gi"),
                  .storage_class = LookText(spec, {"state", "storageClassName"}),
                  .retain = LookText(spec, {"state", "retain"}, "Delete")};
  }
  out->schedule_class = LookText(spec, {"scheduleClass"});
  out->node_selector = LookJson(spec, {"nodeSelector"});
  out->tolerations = LookJson(spec, {"tolerations"});
  out->priority_class = LookText(spec, {"priorityClassName"});
  out->image_pull_secrets = Texts(spec, {"imagePullSecrets"});
  out->role_arn = LookText(spec, {"serviceAccount", "roleArn"});
  out->datadog = LookFlag(spec, {"observability", "datadog"});
}

void ReadPipeline(const Json& spec, RouterSpec* out) {
  out->brokers = Texts(spec, {"source", "brokers"});
  out->topic = LookText(spec, {"source", "topic"});
  out->group = LookText(spec, {"source", "group"});
  out->partitioned_by = LookText(spec, {"source", "partitionedBy"});
  out->format = LookText(spec, {"source", "format"}, "json");
  out->delivery = LookText(spec, {"delivery"}, "exactly_once");
  out->checkpoints = {.store = LookText(spec, {"checkpoints", "store"}),
                      .every = LookText(spec, {"checkpoints", "every"}),
                      .region = LookText(spec, {"checkpoints", "region"})};
  out->manager = {.url = LookText(spec, {"rulesFrom", "manager", "url"}),
                  .service = LookText(spec, {"rulesFrom", "manager", "service"}),
                  .token_secret = LookText(spec, {"rulesFrom", "manager", "tokenSecret"}),
                  .ca_secret = LookText(spec, {"rulesFrom", "manager", "caSecret"}),
                  .audience = LookText(spec, {"rulesFrom", "manager", "audience"}, "turnout")};
  out->dead_letter_topic = LookText(spec, {"deadLetterTopic"});
  for (const Json& team : LookAll(spec, {"teams"})) {
    out->teams.push_back(
        {LookText(team, {"name"}), LookText(team, {"namespace"}), Texts(team, {"destinations"})});
  }
  out->kafka = {.security_protocol = LookText(spec, {"kafka", "securityProtocol"}),
                .sasl_mechanism = LookText(spec, {"kafka", "saslMechanism"}),
                .credentials_secret = LookText(spec, {"kafka", "credentialsSecret"}),
                .ca_secret = LookText(spec, {"kafka", "caSecret"}),
                .client_certificate_secret = LookText(spec, {"kafka", "clientCertificateSecret"})};
  out->config = LookJson(spec, {"config"});
}

void ReadAround(const Json& spec, RouterSpec* out) {
  out->ingress = {.host = LookText(spec, {"ingress", "host"}),
                  .class_name = LookText(spec, {"ingress", "className"}, "nginx"),
                  .tls_secret = LookText(spec, {"ingress", "tlsSecret"}),
                  .auth_secret = LookText(spec, {"ingress", "authSecret"})};
  out->network = {
      .brokers = Places(spec, "brokers"),
      .registry = Places(spec, "registry"),
      .manager = Places(spec, "manager"),
      .store = Places(spec, "store"),
      .prometheus_namespace = LookText(spec, {"network", "prometheusNamespace"}, "monitoring"),
      .ingress_namespace = LookText(spec, {"network", "ingressNamespace"}, "ingress-nginx")};
}

void ReadOperations(const Json& spec, RouterSpec* out) {
  out->is_paused = LookFlag(spec, {"paused"});
  out->is_draining = LookFlag(spec, {"drain"});
  out->upgrade = {.is_canary = LookText(spec, {"upgrade", "strategy"}, "Canary") == "Canary",
                  .watch_seconds = Int(spec, {"upgrade", "watchSeconds"}, 120),
                  .max_lag_seconds = Int(spec, {"upgrade", "maxLagSeconds"}, 60)};
  const std::string time = LookText(spec, {"restoreFrom", "time"});
  if (absl::ParseTime(absl::RFC3339_full, time, &out->restore.time, nullptr)) {
    out->restore.is_asked = true;
    out->restore.time_text = time;
    out->restore.with_current_rules = LookText(spec, {"restoreFrom", "rules"}) == "Current";
  }
  out->on_delete_lag = LookText(spec, {"onDelete", "lag"}, "Refuse");
  out->replay = {.rule = LookText(spec, {"replay", "rule"}),
                 .from = LookText(spec, {"replay", "from"}),
                 .to = LookText(spec, {"replay", "to"}),
                 .to_topic = LookText(spec, {"replay", "toTopic"}),
                 .rate = LookText(spec, {"replay", "rate"}),
                 .job = LookText(spec, {"replay", "job"})};
}

}  // namespace

bool ControllerFacts::Knows(std::string_view api) const {
  return std::find(apis.begin(), apis.end(), api) != apis.end();
}

ControllerFacts ReadControllerFacts(std::string_view controller) {
  const Json json = Json::parse(controller, nullptr, false);
  return {.controller_namespace = LookText(json, {"namespace"}, "turnout-system"),
          .image = LookText(json, {"image"}),
          .version = LookText(json, {"version"}),
          .apis = Texts(json, {"apis"})};
}

RouterSpec ReadRouterSpec(std::string_view router, const ControllerFacts& controller) {
  const Json json = Json::parse(router, nullptr, false);
  RouterSpec out;
  ReadIdentity(json, &out);
  const Json& spec = LookAll(json, {"spec"});
  ReadReplicas(spec, &out);
  ReadImage(spec, controller, &out);
  ReadPods(spec, &out);
  ReadPipeline(spec, &out);
  ReadAround(spec, &out);
  ReadOperations(spec, &out);
  return out;
}

}  // namespace turnout::controller

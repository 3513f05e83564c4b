#include "deploy/controller/network_children.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"
#include "deploy/controller/child_object.h"
#include "deploy/controller/json_look.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

constexpr int kDnsPort = 53;
constexpr int kHttpsPort = 443;
constexpr int kPodIdentityPort = 80;  // EKS's agent on the node
constexpr std::string_view kManagerService = "turnout-manager";
constexpr std::string_view kPodIdentity = "169.254.170.23/32";
constexpr char kDnsNamespace[] = "kube-system";
constexpr std::string_view kNodeDns = "169.254.20.10/32";  // NodeLocal DNSCache, where it is

Json StatusPort() {
  return {{"name", "http"}, {"port", kAdminPort}, {"targetPort", "http"}, {"protocol", "TCP"}};
}

Json Port(int port, std::string_view protocol = "TCP") {
  return {{"port", port}, {"protocol", protocol}};
}

Json NamespacePeer(const std::string& name) {
  return {{"namespaceSelector", {{"matchLabels", {{"kubernetes.io/metadata.name", name}}}}}};
}

Json AppPeer(const std::string& name, std::string_view app) {
  Json peer = NamespacePeer(name);
  peer["podSelector"] = {{"matchLabels", {{"app.kubernetes.io/name", app}}}};
  return peer;
}

void AddPlaces(const std::vector<Place>& places, Json* egress) {
  for (const Place& place : places) {
    const Json peer = {{"ipBlock", {{"cidr", place.cidr}}}};
    egress->push_back({{"to", Json::array({peer})}, {"ports", Json::array({Port(place.port)})}});
  }
}

void AddAnywhere(const std::set<int>& ports, Json* egress) {
  if (ports.empty()) return;
  Json all = Json::array();
  for (const int port : ports) all.push_back(Port(port));
  egress->push_back({{"ports", std::move(all)}});
}

int PortOf(const std::string& address, int fallback) {
  const size_t scheme = address.find("://");
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == scheme) return fallback;
  const int port = std::atoi(address.c_str() + colon + 1);
  return port > 0 ? port : fallback;
}

std::string ConfigText(const RouterSpec& router, JsonPath path) {
  return LookText(Json::parse(router.config, nullptr, false), path);
}

int UrlPort(const std::string& url) { return PortOf(url, url.starts_with("https") ? 443 : 80); }

// Whether it names the Service of the manager beside this controller.
bool IsOwnManager(const std::string& url, const ControllerFacts& controller) {
  const size_t scheme = url.find("://");
  const std::string host = scheme == std::string::npos ? url : url.substr(scheme + 3);
  const std::string own =
      absl::StrFormat("%s.%s", kManagerService, controller.controller_namespace);
  return host.starts_with(own) && host.find_first_of(".:/", own.size()) == own.size();
}

// To the cluster's own servers alone: one of anybody's would be a way out for what events hold.
Json ToDns() {
  const Json node = {{"ipBlock", {{"cidr", kNodeDns}}}};
  return {{"to", Json::array({NamespacePeer(kDnsNamespace), node})},
          {"ports", Json::array({Port(kDnsPort, "UDP"), Port(kDnsPort)})}};
}

Json Egress(const RouterSpec& router, const ControllerFacts& controller) {
  Json egress = Json::array({ToDns()});
  const RouterSpec::Network& network = router.network;
  for (const auto* places :
       {&network.brokers, &network.registry, &network.manager, &network.store}) {
    AddPlaces(*places, &egress);
  }
  std::set<int> anywhere;
  if (network.brokers.empty()) {
    for (const std::string& broker : router.brokers) anywhere.insert(PortOf(broker, 9092));
  }
  const std::string registry = ConfigText(router, {"schema_registry", "url"});
  if (network.registry.empty() && !registry.empty()) anywhere.insert(UrlPort(registry));
  const std::string store = ConfigText(router, {"checkpoints", "s3", "endpoint"});
  if (network.store.empty() && !store.empty()) anywhere.insert(UrlPort(store));
  const bool asks_aws = router.checkpoints.store.starts_with("s3://") || !router.role_arn.empty() ||
                        router.kafka.sasl_mechanism == "AWS_MSK_IAM";
  if (asks_aws) {
    if (network.store.empty()) anywhere.insert(kHttpsPort);
    AddPlaces({{std::string(kPodIdentity), kPodIdentityPort}}, &egress);
  }
  const bool asks_manager = !router.HasRoutes() && network.manager.empty();
  const bool is_own = asks_manager && IsOwnManager(router.manager.url, controller);
  if (asks_manager && !is_own) anywhere.insert(UrlPort(router.manager.url));
  AddAnywhere(anywhere, &egress);
  if (is_own) {
    const Json peer = AppPeer(controller.controller_namespace, kManagerService);
    egress.push_back({{"to", Json::array({peer})}, {"ports", Json::array({Port(kManagerPort)})}});
  }
  return egress;
}

}  // namespace

std::string MakePodService(const RouterSpec& router) {
  Json object = ChildObject<Json>(router, "v1", "Service", router.name, "router");
  object["spec"] = {{"clusterIP", "None"},
                    {"publishNotReadyAddresses", true},
                    {"selector", SelectorLabels<Json>(router)},
                    {"ports", Json::array({StatusPort()})}};
  return object.dump();
}

std::string MakeStatusService(const RouterSpec& router) {
  Json object = ChildObject<Json>(router, "v1", "Service", router.name + "-status", "status");
  object["spec"] = {{"type", "ClusterIP"},
                    {"selector", SelectorLabels<Json>(router)},
                    {"ports", Json::array({StatusPort()})}};
  return object.dump();
}

std::string MakeIngress(const RouterSpec& router) {
  Json object = ChildObject<Json>(router, "networking.k8s.io/v1", "Ingress",
                                  router.name + "-status", "status");
  Json annotations = {{"nginx.ingress.kubernetes.io/ssl-redirect", "true"},
                      // A page asks the pod again and again that it came from.
                      {"nginx.ingress.kubernetes.io/affinity", "cookie"}};
  if (!router.ingress.auth_secret.empty()) {
    annotations["nginx.ingress.kubernetes.io/auth-type"] = "basic";
    annotations["nginx.ingress.kubernetes.io/auth-secret"] = router.ingress.auth_secret;
  }
  object["metadata"]["annotations"] = std::move(annotations);
  const Json backend = {
      {"service", {{"name", router.name + "-status"}, {"port", {{"name", "http"}}}}}};
  const Json path = {{"path", "/"}, {"pathType", "Prefix"}, {"backend", backend}};
  const Json rule = {{"host", router.ingress.host}, {"http", {{"paths", Json::array({path})}}}};
  const Json tls = {{"hosts", Json::array({router.ingress.host})},
                    {"secretName", router.ingress.tls_secret}};
  object["spec"] = {{"ingressClassName", router.ingress.class_name},
                    {"rules", Json::array({rule})},
                    {"tls", Json::array({tls})}};
  return object.dump();
}

std::string MakeNetworkPolicy(const RouterSpec& router, const ControllerFacts& controller) {
  Json object =
      ChildObject<Json>(router, "networking.k8s.io/v1", "NetworkPolicy", router.name, "router");
  Json from = Json::array({NamespacePeer(router.network.prometheus_namespace),
                           AppPeer(controller.controller_namespace, "turnout-controller")});
  if (!router.ingress.host.empty()) {
    from.push_back(NamespacePeer(router.network.ingress_namespace));
  }
  if (router.datadog) from.push_back(NamespacePeer("datadog"));
  const Json ingress = {{"from", std::move(from)}, {"ports", Json::array({Port(kAdminPort)})}};
  object["spec"] = {{"podSelector", {{"matchLabels", {{std::string(kNetworkLabel), router.name}}}}},
                    {"policyTypes", Json::array({"Ingress", "Egress"})},
                    {"ingress", Json::array({ingress})},
                    {"egress", Egress(router, controller)}};
  return object.dump();
}

}  // namespace turnout::controller

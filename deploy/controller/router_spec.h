// RouterSpec: an EventRouter as it was written, with the defaults of its schema.
//
// What only passes through to a child (resources, tolerations) stays JSON text.
//
// Threads: pure functions; a RouterSpec is an ordinary value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "state/restore_wish.h"

namespace turnout::controller {

inline constexpr std::string_view kApiVersion = "turnout.dev/v1alpha1";
inline constexpr std::string_view kFinalizer = "turnout.dev/lag";
inline constexpr int kAdminPort = 9464;    // of pods: pages, metrics, probes
inline constexpr int kManagerPort = 8470;  // of the config manager
inline constexpr std::string_view kStateDirectory = "/var/lib/turnout";
inline constexpr std::string_view kRulesDirectory = "/etc/turnout/rules";
inline constexpr std::string_view kConfigFile = "/etc/turnout/pipeline.yaml";
inline constexpr std::string_view kKafkaDirectory = "/etc/turnout/kafka";
inline constexpr std::string_view kKafkaCaDirectory = "/etc/turnout/kafka-ca";
inline constexpr std::string_view kKafkaClientDirectory = "/etc/turnout/kafka-client";
inline constexpr std::string_view kManagerDirectory = "/etc/turnout/manager";
inline constexpr std::string_view kManagerCaDirectory = "/etc/turnout/manager-ca";

// What the controller tells of itself and of the server.
struct ControllerFacts {
  std::string controller_namespace;
  std::string image;
  std::string version;
  std::vector<std::string> apis;

  bool Knows(std::string_view api) const;
};

struct Place {
  std::string cidr;
  int port = 0;
};

struct TeamGrant {
  std::string name;
  std::string team_namespace;
  std::vector<std::string> destinations;
};

struct ReplaySpec {
  std::string rule;  // empty: no replay is asked for
  std::string from, to, to_topic, rate, job;
};

struct RouterSpec {
  std::string name, router_namespace, uid;
  std::string created;  // RFC 3339
  int64_t generation = 0;
  bool is_leaving = false;  // it has a deletionTimestamp
  std::vector<std::string> finalizers;

  std::string image;  // with tag or digest
  std::string version;
  std::vector<std::string> brokers;
  std::string topic, group, partitioned_by, format;
  std::string delivery;
  int replicas = 1;  // within autoscaling's bounds
  struct Autoscaling {
    bool is_on = false;
    int min_replicas = 1;
    int max_replicas = 1;
    int lag_seconds = 30;
    std::string scaler;  // Keda, HorizontalPodAutoscaler; empty: what there is
    std::string prometheus;
  } autoscaling;
  std::string resources;  // JSON
  struct State {
    bool is_kept = false;  // a claim a pod
    std::string size, storage_class, retain;
  } state;
  struct Checkpoints {
    std::string store, every, region;  // empty: the router's default
  } checkpoints;
  struct Manager {
    std::string url;  // empty: rules come from routes
    std::string service, token_secret, ca_secret;
    std::string audience;  // of the token that is signed for the pod where token_secret is empty
  } manager;
  std::string dead_letter_topic;
  std::vector<TeamGrant> teams;
  std::string schedule_class;
  std::string node_selector, tolerations;  // JSON
  std::string priority_class;
  std::vector<std::string> image_pull_secrets;
  std::string role_arn;
  struct Kafka {
    std::string security_protocol, sasl_mechanism;
    std::string credentials_secret, ca_secret, client_certificate_secret;
  } kafka;
  struct Ingress {
    std::string host;  // empty: none
    std::string class_name, tls_secret, auth_secret;
  } ingress;
  struct Network {
    std::vector<Place> brokers, registry, manager, store;
    std::string prometheus_namespace, ingress_namespace;
  } network;
  bool datadog = false;
  std::string config;  // JSON; empty: none
  bool is_paused = false;
  bool is_draining = false;
  struct Upgrade {
    bool is_canary = true;
    int watch_seconds = 120;
    int max_lag_seconds = 60;
  } upgrade;
  // Which checkpoints all partitions go back to, once.
  struct RestoreFrom {
    bool is_asked = false;
    absl::Time time = absl::InfinitePast();
    std::string time_text;
    bool with_current_rules = false;

    state::RestoreWish wish() const {
      return {.time_ms = absl::ToUnixMillis(time), .with_current_rules = with_current_rules};
    }
  } restore;
  std::string on_delete_lag;  // Refuse, Drain, Ignore
  ReplaySpec replay;

  bool HasRoutes() const { return manager.url.empty(); }
};

// `router` and `controller` are JSON, as in an observation; anything else gives an empty spec.
ControllerFacts ReadControllerFacts(std::string_view controller);
RouterSpec ReadRouterSpec(std::string_view router, const ControllerFacts& controller);

}  // namespace turnout::controller

// OnboardingPolicy: what the platform lets teams have of a service without asking anybody: how many
// partitions for which rate, who reads, how much, and where their rules go.
//
//   services:
//     orders:
//       pipeline: /etc/turnout/orders.yaml
//       onboarding:
//         kafka: /etc/turnout/admin.yaml    # a pipeline's config: its brokers and rights are used
//         router: User:router               # who writes to what teams are given
//         reader: User:{team}               # who reads a team's topics
//         per_partition_rate: 1000          # events a second that one partition is for
//         partitions_max: 48
//         rules: manager                    # or kubernetes, with the object of that name; with
//                                           # manager that object is for dashboards alone
//         git: { repository: ..., branch: main, path: onboarded }  # with kubernetes: committed for
//                                           # Flux, not applied (git_options.h)
//         links: { dashboard: "https://grafana.example.com/d/turnout-{team}" }
//
// `{team}` and `{service}` stand for their names. A team writes to `TEAM.*` and nowhere else, and
// its groups begin with `TEAM.`.
//
// Errors: InvalidArgument with the place in the file and the cure.
// Threads: ordinary values, pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "deploy/manager/git_options.h"
#include "router/document.h"

namespace turnout::manager {

inline constexpr int64_t kOnboardingRateMax = 100'000'000;     // events a second
inline constexpr int64_t kOnboardingPartitionsMax = 10'000;    // of a topic
inline constexpr int64_t kOnboardingBytesMax = 100 << 20;      // of an event
inline constexpr int64_t kOnboardingHoursMax = 24 * 365 * 10;  // that a topic keeps records
inline constexpr int64_t kOnboardingPercentMax = 10'000;       // of the bytes that are expected

enum class RulesGo { kManager, kKubernetes };

// Where the rules of a service's teams are objects of Kubernetes, or their dashboards alone.
struct KubernetesPlace {
  std::string server;      // empty: as in a pod
  std::string token_file;  // the same
  std::string ca_file;     // the same
  std::string team_namespace = "{service}-{team}";
  std::string router_namespace;
  std::string router;                // the EventRouter's name
  std::string dashboards_namespace;  // where Grafana finds them; empty: in the team's, or none
};

struct OnboardingPolicy {
  std::string kafka;   // empty: the service's `pipeline`
  std::string router;  // principal; empty: no ACLs are for it
  std::string reader = "User:{team}";
  bool acls = true;
  int64_t rate_max = 10'000;  // events a second that a team may expect
  int64_t per_partition_rate = 1'000;
  int64_t partitions_min = 1;
  int64_t partitions_max = 48;
  int64_t replication_factor = 0;  // 0: the brokers' default
  int64_t retention_hours = 0;     // the same
  int64_t mean_bytes = 1'000;      // of an event, where a request doesn't say
  int64_t quota_percent = 300;     // of the expected bytes a second; 0: no quotas are set
  RulesGo rules = RulesGo::kManager;
  KubernetesPlace kubernetes;
  GitOptions git;  // without a repository the manager applies objects itself
  std::map<std::string, std::string> links;  // title to URL

  // Whether objects go to the Kubernetes API from here, and not by way of a repository.
  bool applies() const {
    return git.repository.empty() &&
           (rules == RulesGo::kKubernetes || !kubernetes.dashboards_namespace.empty());
  }
};

absl::Status ReadOnboardingPolicy(const std::string& file, const router::Node& node,
                                  OnboardingPolicy* policy);

// `{team}` and `{service}` replaced.
std::string Filled(std::string_view text, std::string_view service, std::string_view team);

}  // namespace turnout::manager

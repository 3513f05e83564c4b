#include "deploy/manager/onboarding_policy.h"

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "deploy/manager/option_nodes.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

constexpr char kUser[] = "User:";

absl::Status ReadKubernetes(const std::string& file, const router::Node& node, RulesGo rules,
                            KubernetesPlace* place) {
  absl::Status read = CheckKind(file, node, router::Node::Kind::kObject, "an object");
  if (read.ok()) {
    read = ReadTexts(file, node,
                     {{"server", &place->server},
                      {"token_file", &place->token_file},
                      {"ca_file", &place->ca_file},
                      {"team_namespace", &place->team_namespace},
                      {"router_namespace", &place->router_namespace},
                      {"router", &place->router},
                      {"dashboards_namespace", &place->dashboards_namespace}});
  }
  if (!read.ok()) return read;
  if (rules == RulesGo::kManager) {
    const bool is_for_dashboards = !place->dashboards_namespace.empty() && place->router.empty() &&
                                   place->router_namespace.empty();
    return is_for_dashboards
               ? absl::OkStatus()
               : OptionFault(file, node.at,
                             "with `rules: manager` it is for dashboards alone: give it "
                             "`dashboards_namespace`, and no `router`");
  }
  if (place->router.empty() || place->router_namespace.empty()) {
    return OptionFault(file, node.at,
                       "say which EventRouter takes the rules: `router` and `router_namespace`");
  }
  if (!absl::StrContains(place->team_namespace, "{team}")) {
    return OptionFault(file, node.at, "`team_namespace` is to have {team} in it: each has its own");
  }
  return absl::OkStatus();
}

absl::Status ReadGit(const std::string& file, const router::Node& node,
                     const OnboardingPolicy& policy, GitOptions* git) {
  if (policy.rules != RulesGo::kKubernetes) {
    return OptionFault(
        file, node.at,
        "`git` is of `rules: kubernetes`: rules of the manager go to the manager's own "
        "`git`");
  }
  const absl::Status read = ReadGitOptions(file, node, git);
  if (!read.ok()) return read;
  if (git->path.empty()) {
    return OptionFault(file, node.at,
                       "`git` is to have a `path`: a directory that nobody else writes");
  }
  return absl::OkStatus();
}

absl::Status ReadLinks(const std::string& file, const router::Node& node,
                       std::map<std::string, std::string>* links) {
  const absl::Status read = CheckKind(file, node, router::Node::Kind::kObject, "an object");
  if (!read.ok()) return read;
  for (const router::Member& link : node.members) {
    const std::string& url = link.value.text;
    if (!absl::StartsWith(url, "https://") && !absl::StartsWith(url, "http://")) {
      return OptionFault(file, link.value.at, "a link is to be a URL: https://...");
    }
    (*links)[link.name] = url;
  }
  return absl::OkStatus();
}

absl::Status CheckPrincipals(const std::string& file, const router::Node& node,
                             const OnboardingPolicy& policy) {
  if (!absl::StartsWith(policy.reader, kUser) || !absl::StrContains(policy.reader, "{team}")) {
    return OptionFault(file, node.at,
                       "`reader` is to be a principal for each team, such as User:{team}");
  }
  if (!policy.router.empty() && !absl::StartsWith(policy.router, kUser)) {
    return OptionFault(file, node.at, "`router` is to be a principal, such as User:router");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadOnboardingPolicy(const std::string& file, const router::Node& node,
                                  OnboardingPolicy* policy) {
  absl::Status read = CheckKind(file, node, router::Node::Kind::kObject, "an object");
  std::string rules = "manager";
  if (read.ok()) {
    read = ReadTexts(file, node,
                     {{"kafka", &policy->kafka},
                      {"router", &policy->router},
                      {"reader", &policy->reader},
                      {"rules", &rules}},
                     {"acls", "rate_max", "per_partition_rate", "partitions_min", "partitions_max",
                      "replication_factor", "retention_hours", "mean_bytes", "quota_percent",
                      "kubernetes", "links", "git"});
  }
  if (read.ok()) read = ReadFlag(file, node, "acls", &policy->acls);
  const auto number = [&](std::string_view name, int64_t min, int64_t max, int64_t* into) {
    if (read.ok()) read = ReadNumber(file, node, name, min, max, into);
  };
  number("rate_max", 1, kOnboardingRateMax, &policy->rate_max);
  number("per_partition_rate", 1, kOnboardingRateMax, &policy->per_partition_rate);
  number("partitions_min", 1, kOnboardingPartitionsMax, &policy->partitions_min);
  number("partitions_max", 1, kOnboardingPartitionsMax, &policy->partitions_max);
  number("replication_factor", 1, INT16_MAX, &policy->replication_factor);
  number("retention_hours", 1, kOnboardingHoursMax, &policy->retention_hours);
  number("mean_bytes", 1, kOnboardingBytesMax, &policy->mean_bytes);
  number("quota_percent", 0, kOnboardingPercentMax, &policy->quota_percent);
  if (read.ok()) read = CheckPrincipals(file, node, *policy);
  if (!read.ok()) return read;
  if (policy->partitions_min > policy->partitions_max) {
    return OptionFault(file, node.at, "`partitions_min` is above `partitions_max`");
  }
  if (!policy->kafka.empty() && !state::Exists(policy->kafka)) {
    return OptionFault(
        file, node.at,
        absl::StrFormat("`kafka` is to be the file of a pipeline's config, and there is "
                        "none at %s",
                        policy->kafka));
  }
  if (rules != "manager" && rules != "kubernetes") {
    return OptionFault(file, node.at, "`rules` is to be manager or kubernetes");
  }
  policy->rules = rules == "manager" ? RulesGo::kManager : RulesGo::kKubernetes;
  const router::Node* const kubernetes = node.Find("kubernetes");
  if (kubernetes == nullptr && policy->rules == RulesGo::kKubernetes) {
    return OptionFault(file, node.at,
                       "`rules: kubernetes` is to have the object `kubernetes` beside it");
  }
  if (kubernetes != nullptr) {
    read = ReadKubernetes(file, *kubernetes, policy->rules, &policy->kubernetes);
  }
  const router::Node* const git = node.Find("git");
  if (read.ok() && git != nullptr) read = ReadGit(file, *git, *policy, &policy->git);
  const router::Node* const links = node.Find("links");
  if (read.ok() && links != nullptr) read = ReadLinks(file, *links, &policy->links);
  return read;
}

std::string Filled(std::string_view text, std::string_view service, std::string_view team) {
  return absl::StrReplaceAll(absl::string_view(text.data(), text.size()),
                             {{"{team}", absl::string_view(team.data(), team.size())},
                              {"{service}", absl::string_view(service.data(), service.size())}});
}

}  // namespace turnout::manager

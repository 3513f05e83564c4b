// OnboardingRequest: what a team asks for when it wants a part of a service's events.
//
//   {"service": "orders", "team": "fraud", "owner": "fraud@example.com", "rate": 200,
//    "match": {"type": ["payment.declined"]}, "to": ["fraud.declined"]}
//
// or whole rules as a rule file has them, in `rules` instead of `match`; `to` then names topics
// beside those that the rules write to. A team's name is a DNS label, since it becomes part of
// topics, groups and a namespace.
//
// Errors: InvalidArgument, naming the member at fault and what may stand there.
// Limits: kOnboardingBodyBytesMax of a body, kOnboardingTopicsMax topics.
// Threads: ordinary values, pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "deploy/manager/onboarding_policy.h"
#include "router/rule_file.h"

namespace turnout::manager {

inline constexpr size_t kOnboardingBodyBytesMax = 1u << 20;
inline constexpr size_t kOnboardingTopicsMax = 50;
inline constexpr size_t kTeamBytesMax = 40;  // room for the service's name in a namespace's
inline constexpr size_t kOwnerBytesMax = 200;

struct OnboardingRequest {
  std::string service;
  std::string team;
  std::string owner;
  std::string rules;  // JSON, an array of rules
  std::vector<std::string> to;
  int64_t rate = 0;        // events a second
  int64_t mean_bytes = 0;  // of an event; 0: the policy's
  std::string why;
  bool is_dry_run = false;
};

absl::StatusOr<OnboardingRequest> ReadOnboardingRequest(std::string_view body);

// Empty, or why it is no team that can be onboarded.
absl::Status CheckTeamName(std::string_view team);

// The team's rule file, JSON: with `destinations`, as the manager keeps it, or without, as an
// EventRoute has it.
std::string RuleFileOf(const OnboardingRequest& request);

// The topics that the rules write to whatever an event says, and those of `to`; sorted.
// InvalidArgument for one that is not the team's, too many, a rate beyond the policy's.
absl::StatusOr<std::vector<std::string>> TopicsOf(const OnboardingRequest& request,
                                                  const OnboardingPolicy& policy,
                                                  const router::RuleFile& rules);

}  // namespace turnout::manager

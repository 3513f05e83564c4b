// OnboardingLooks: where a team looks once it is onboarded: places of the page, the platform's own
// links, and commands for what has no page here.
//
// Each command runs as it is printed, by an editor of the team: `kcat` as the team's own user at
// Kafka (its kcat.conf, where brokers ask who it is), `kubectl` with turnout-team-editor in the
// team's namespace, `curl` with a token of the manager in $TURNOUT_TOKEN.
//
// Limits: rules of more than kLooksRulesBytesMax are not repeated in a command.
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/manager/onboarding_policy.h"
#include "deploy/manager/onboarding_request.h"
#include "runtime/http_request.h"

namespace turnout::manager {

inline constexpr size_t kLooksRulesBytesMax = 16u << 10;

// [{"title", "url"}]. Routers that take EventRoutes report to no manager, so none are shown there.
std::string LinksJson(const OnboardingRequest& request, const OnboardingPolicy& policy);

// [{"title", "command"}]. `manager` is where the manager is asked, as ManagerAsked has it; empty:
// not known, and no command asks it.
std::string CommandsJson(const OnboardingRequest& request, const OnboardingPolicy& policy,
                         const std::vector<std::string>& topics, std::string_view brokers,
                         std::string_view manager);

// Where whoever asks reaches the manager: its public_url, else the Host of the request itself.
// Empty: that is missing, or no host that a command could name.
std::string ManagerAsked(const runtime::HttpRequest& request, std::string_view public_url,
                         bool has_tls);

}  // namespace turnout::manager

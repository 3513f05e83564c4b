// OnboardingObjects: what a team is given at the Kubernetes API: a namespace, the right to route
// through an EventRouter, its EventRoute, and a first dashboard.
//
// They are server-side-applied. The right is an entry of the EventRouter's `spec.teams`, which a
// field manager of the team's own has, so that it can be taken back without the others'. Of each of
// the others an annotation has the SHA-256 of what was applied: what somebody has changed since can
// be told from what is to be changed.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deploy/manager/onboarding_plan.h"
#include "deploy/manager/onboarding_policy.h"
#include "deploy/manager/onboarding_request.h"

namespace turnout::manager {

inline constexpr char kOnboardingAnnotation[] = "turnout.dev/onboarding";

// In the order in which they are made; whether they are there is not looked at.
std::vector<OnboardingStep> ObjectsOf(const OnboardingRequest& request,
                                      const OnboardingPolicy& policy);

// Whether an object that there is has all that `text` would make of it. Both are JSON.
bool HasObject(std::string_view there, std::string_view text);

// Why a namespace that there is can't be the team's: an EventRoute in it would be refused. Empty:
// it can, or `text` is no namespace.
std::string WhyNotTheirs(std::string_view there, std::string_view text);

// Whether it is a part of an object that somebody else has.
bool IsPartOfAnother(std::string_view text);

// What to apply so that the part is there no more: the same object without it.
std::string WithoutPart(std::string_view text);

// Grafana's dashboard of one team, JSON: of Turnout's own what is about teams and destinations.
std::string TeamDashboard(const std::string& service, const std::string& team);

}  // namespace turnout::manager

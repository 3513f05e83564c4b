// OnboardingCalls: one team is onboarded, or that is taken back, from the look at what there is to
// the answer; and what both answers are made of.
//
// Each leaves a record before it makes anything, so that what was cut short is gone on with by
// whoever asks for the same again.
//
// Errors: as answers: 409 for what somebody else has or was first with, 503 for Kafka's and
//   Kubernetes' and the repository's refusals, which are the platform's to mend.
// Threads: one call at a time; whoever calls holds Parts::onboarding_mu.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "deploy/manager/api.h"
#include "deploy/manager/onboarding_git.h"
#include "deploy/manager/onboarding_plan.h"
#include "deploy/manager/onboarding_request.h"

namespace turnout::manager {

// `call` has the service and its settings. onboard_team.cc
HttpAnswer OnboardTeam(Parts& parts, const Call& call, const OnboardingRequest& request,
                       const OnboardingPlace& place);

// Of the team that `call` names. take_back_team.cc
HttpAnswer TakeBackTeam(Parts& parts, const Call& call, const OnboardingPlace& place);

// --- what answers are made of ---

HttpAnswer PlatformAnswer(const absl::Status& status);
std::string StepsJson(const std::vector<OnboardingStep>& steps);  // as they are shown
std::vector<std::string> FileNames(const std::vector<OnboardingStep>& steps);

// Where files were, or are to be, committed. `commit` is empty where none has them.
std::string GitJson(const OnboardingGit& git, const std::string& commit,
                    const std::vector<std::string>& files);

std::string CommitMessage(std::string_view what, const Call& call, std::string_view team,
                          const std::string& why);

}  // namespace turnout::manager

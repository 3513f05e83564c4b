// OnboardingTrial: what a team's rules would match of the events that are shown
// (onboarding_sample.h).
//
// The events are masked as routers mask them (runtime/event_mask.h): a pattern on a field that is
// masked can't match, and steps are not asked.
//
// Limits: kTrialExamplesMax events are shown.
// Errors: none: what can't be read as an event is not counted.
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "router/rule_file.h"
#include "router/state_settings.h"

namespace turnout::manager {

inline constexpr size_t kTrialExamplesMax = 3;

// `sample` is SampleAnswer's JSON. {"state", "note", "events", "matched", "rules": [{"rule",
// "matched"}], "examples": [...]}: events that matched, as they were shown.
std::string TryOnSample(std::string_view sample, const router::Team& team,
                        const router::StateSettings& settings);

}  // namespace turnout::manager

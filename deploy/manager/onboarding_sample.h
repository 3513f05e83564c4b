// OnboardingSample: the events that a team's rules are tried on before it is onboarded: those that
// routers show, and where none reports here, as routers of EventRoutes do not, the newest that the
// source holds, read with the policy's rights at Kafka.
//
// What is shown, and what of it is masked, is said by `rules_from.samples` in either case: of the
// routers' config, or of the service's `pipeline`.
//
// Errors: none: where there are no events the state says why, and `note` what to do.
// Threads: any; blocks for kSourceSampleWithin, and as long again for schemas.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "deploy/manager/onboarding_places.h"
#include "deploy/manager/router_pulses.h"

namespace turnout::manager {

inline constexpr absl::Duration kSourceSampleWithin = absl::Seconds(5);

// {"state", "note", "events"}: states of RouterPulses::Sample, and `unreadable`.
SampleAnswer SampleFor(RouterPulses* pulses, const std::string& service,
                       const OnboardingPlace& place);

}  // namespace turnout::manager

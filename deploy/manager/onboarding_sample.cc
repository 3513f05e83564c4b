#include "deploy/manager/onboarding_sample.h"

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "deploy/manager/http_answer.h"
#include "deploy/manager/json_writer.h"
#include "runtime/source_sample.h"

namespace turnout::manager {
namespace {

SampleAnswer Without(std::string_view state, const std::string& note) {
  return {.json = JsonObject().Text("state", state).Text("note", note).Json("events", "[]").Done()};
}

}  // namespace

SampleAnswer SampleFor(RouterPulses* pulses, const std::string& service,
                       const OnboardingPlace& place) {
  SampleAnswer shown = pulses->Sample(service, /*again=*/false, absl::Now());
  if (!shown.is_silent) return shown;
  const std::string& access = place.policy.kafka.empty() ? place.pipeline : place.policy.kafka;
  const absl::StatusOr<runtime::SourceSample> read =
      runtime::ReadSourceSample(place.pipeline, access, kSampleEventsMax, kSourceSampleWithin);
  if (!read.ok()) return Without("unreadable", MessageOf(read.status()));
  if (!read->is_allowed) {
    return Without("not_allowed",
                   absl::StrFormat("no router reports here, and `rules_from.samples` of %s is off: "
                                   "say there what may be shown",
                                   place.pipeline));
  }
  return {.json = JsonObject().Text("state", "here").Json("events", read->json).Done(),
          .events = read->events};
}

}  // namespace turnout::manager

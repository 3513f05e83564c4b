// How routers are and what rules do, as they tell it all the time; and events of theirs to look at.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "deploy/manager/api.h"
#include "deploy/manager/json_reader.h"
#include "deploy/manager/json_writer.h"

namespace turnout::manager {

std::optional<HttpAnswer> PostPulse(Parts& parts, const Call& call) {
  const absl::StatusOr<size_t> wanted =
      parts.pulses.Take(call.service, call.request->body, absl::Now());
  if (!wanted.ok()) return ErrorAnswer(wanted.status());
  return JsonAnswer(200, JsonObject().Number("sample", static_cast<int64_t>(*wanted)).Done());
}

std::optional<HttpAnswer> GetRates(Parts& parts, const Call& call) {
  return JsonAnswer(200, parts.pulses.RatesJson(call.service, absl::Now()));
}

// Who asks for events, and who is shown some, is on record; who asks whether they are there is not.
std::optional<HttpAnswer> PostSample(Parts& parts, const Call& call) {
  JsonReader body(call.request->body, "the body");
  body.Only({"again"});
  const bool again = body.Flag("again", false);
  if (!body.status().ok()) return ErrorAnswer(body.status());
  const SampleAnswer answer = parts.pulses.Sample(call.service, again, absl::Now());
  if (answer.is_asked || answer.events > 0) {
    const std::string detail = answer.events > 0 ? absl::StrCat(answer.events, " events were shown")
                                                 : "asked the routers for events";
    if (!Audit(parts, call, {.outcome = "done", .status = 200, .detail = detail})) {
      return ErrorAnswer(500, "events are not shown while the audit log can't be written");
    }
  }
  return JsonAnswer(200, answer.json);
}

}  // namespace turnout::manager

// Calls of the routers, and about them.
#include <string>

#include "absl/time/clock.h"
#include "deploy/manager/api.h"

namespace turnout::manager {
namespace {

// Of a question; it is answered within kFeedWaitMax all the same.
constexpr int64_t kWaitSecondsMax = 86'400;

}  // namespace

std::optional<HttpAnswer> GetRules(Parts& parts, const Call& call) {
  const absl::StatusOr<int64_t> wait_s = QueryNumber(call, "wait", 0, kWaitSecondsMax);
  if (!wait_s.ok()) return ErrorAnswer(wait_s.status());
  const std::string known(call.request->Header("if-none-match").value_or(""));
  const std::string instance(call.request->Header("turnout-instance").value_or(""));
  if (call.principal.kind == PrincipalKind::kRouter) {
    parts.fleet.Asked(call.service, instance, known, absl::Now());
  }
  return parts.feed->Ask(call.service, known, absl::Seconds(*wait_s), call.number);
}

std::optional<HttpAnswer> PostReport(Parts& parts, const Call& call) {
  const absl::Status taken = parts.fleet.Reported(call.service, call.request->body, absl::Now());
  if (!taken.ok()) return ErrorAnswer(taken);
  return HttpAnswer{.status = 204};
}

std::optional<HttpAnswer> ListRouters(Parts& parts, const Call& call) {
  return JsonAnswer(200, parts.fleet.ToJson(call.service, parts.feed->EtagOf(call.service)));
}

}  // namespace turnout::manager

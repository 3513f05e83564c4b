#include "deploy/controller/leaving.h"

#include "absl/strings/str_format.h"

namespace turnout::controller {
namespace {

constexpr std::string_view kCures =
    "Set spec.onDelete.lag to Drain to have them routed first, or to Ignore to go at once: they "
    "stay in the topic, unrouted";

}  // namespace

Leaving Leave(const RouterSpec& router, bool has_run, const Situation& situation) {
  const std::optional<DrainAnswer>& drain = situation.drain;
  if (!has_run) return {true, "NeverRan", "it has never run"};
  if (router.on_delete_lag == "Ignore") {
    return {true, "Ignored", "spec.onDelete.lag is Ignore: what waits stays unrouted"};
  }
  if (drain && drain->state.is_done) {
    return {true, "Drained", "all that the source held is routed"};
  }
  if (router.is_paused) {
    return {
        false, "Paused",
        absl::StrFormat("it is paused, so nobody knows how many events wait. Set spec.paused to "
                        "false, or spec.onDelete.lag to Ignore to go at once")};
  }
  if (router.replicas == 0) {
    return {false, "NoReplicas",
            "spec.replicas is 0, so nobody knows how many events wait. Set it to 1 or more, or "
            "spec.onDelete.lag to Ignore to go at once: they stay in the topic, unrouted"};
  }
  if (drain) return {false, "Draining", "it goes when it is drained: " + drain->message};
  if (situation.blind) {
    return {false, "LagUnknown",
            absl::StrFormat("its pods don't say how many events wait (%s), so it stays. %s",
                            *situation.blind, kCures)};
  }
  if (situation.lag.events > 0) {
    return {false, "LagLeft",
            absl::StrFormat("%d events of the topic %s wait to be routed, so it stays. %s",
                            situation.lag.events, router.topic, kCures)};
  }
  return {true, "NothingWaits", "no event waits"};
}

}  // namespace turnout::controller

#include "deploy/controller/observation.h"

#include "absl/strings/str_format.h"
#include "deploy/manager/json_writer.h"

namespace turnout::controller {
namespace {

std::string Whole(const ControllerWatches::Objects& objects) {
  return manager::JsonArray(objects, [](const auto& object) { return object->json; });
}

}  // namespace

std::string MakeObservation(const ObservedParts& parts) {
  std::string pods = "[";
  for (size_t i = 0; i < parts.pods.size(); ++i) {
    const PodStatus& status = parts.statuses[i];
    if (i > 0) pods += ',';
    pods += manager::JsonObject()
                .Json("pod", parts.pods[i]->json)
                .Json("status", status.body.empty() ? "null" : status.body)
                .Text("error", status.error)
                .Done();
  }
  pods += ']';
  const std::string now = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", parts.now, absl::UTCTimeZone());
  const std::string controller = manager::JsonObject()
                                     .Text("namespace", parts.controller_namespace)
                                     .Text("image", parts.image)
                                     .Text("version", parts.version)
                                     .Json("apis", manager::JsonTexts(parts.apis))
                                     .Done();
  return manager::JsonObject()
      .Text("now", now)
      .Json("controller", controller)
      .Json("router", parts.router)
      .Json("others", Whole(parts.others))
      .Json("routes", Whole(parts.routes))
      .Json("children", Whole(parts.children))
      .Json("pods", pods)
      .Json("claims", Whole(parts.claims))
      .Json("random", absl::StrFormat("%.6f", parts.random))
      .Done();
}

}  // namespace turnout::controller

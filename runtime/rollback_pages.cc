#include "runtime/rollback_pages.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "absl/status/status.h"
#include "runtime/status_json.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

std::string ObjectJson(const char* name, const Json& value) {
  return DumpJson(Json({{name, value}}), -1);
}

AdminAnswer Failed(const absl::Status& why) {
  int status = 500;
  if (absl::IsInvalidArgument(why)) status = 400;
  if (absl::IsNotFound(why)) status = 404;
  if (absl::IsFailedPrecondition(why)) status = 409;
  if (absl::IsUnavailable(why)) status = 503;
  return {.status = status, .body = ObjectJson("error", Json(std::string(why.message())))};
}

// Nullopt: it can't be read.
std::optional<std::string> HashIn(const std::string& body) {
  if (body.empty()) return "";
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  if (json.empty()) return "";
  const auto to = json.find("to");
  if (json.size() > 1 || to == json.end() || !to->is_string()) return std::nullopt;
  return to->get<std::string>();
}

}  // namespace

AdminAnswer RollBackAnswer(LiveRules& rules, const std::string& body) {
  const std::optional<std::string> to = HashIn(body);
  if (!to.has_value()) {
    return Failed(absl::InvalidArgumentError(
        "the body is neither empty nor {\"to\": \"HASH\"}, a rule set of /v1/rules' `versions`"));
  }
  const absl::StatusOr<std::string> rolled_back = rules.RollBack(*to);
  if (!rolled_back.ok()) return Failed(rolled_back.status());
  return {.body = ObjectJson("rolled_back_to", *rolled_back)};
}

AdminAnswer ResumeAnswer(LiveRules& rules) {
  const absl::Status resumed = rules.Resume();
  if (!resumed.ok()) return Failed(resumed);
  return {.body = ObjectJson("resumed", true)};
}

}  // namespace turnout::runtime

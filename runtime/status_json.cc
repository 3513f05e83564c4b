#include "runtime/status_json.h"

#include <nlohmann/json.hpp>

#include "runtime/log.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

void HideSecrets(Json* json) {
  if (json->is_string()) {
    *json = WithoutSecrets(json->get_ref<const std::string&>());
  } else if (json->is_structured()) {
    for (Json& within : *json) HideSecrets(&within);
  }
}

}  // namespace

std::string Timestamp(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

std::string PublicJson(const std::string& json, int indent) {
  Json parsed = Json::parse(json);
  HideSecrets(&parsed);
  return parsed.dump(indent) + "\n";
}

}  // namespace turnout::runtime

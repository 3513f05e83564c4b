// StatusJson: how the pages of the admin API write what several of them show.
//
// Templates over the library's type of a JSON value, which is the .cc files' to include.
//
// Threads: pure functions, but for the secrets that the log knows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "runtime/log.h"
#include "runtime/rules_status.h"

namespace turnout::runtime {

std::string Timestamp(absl::Time time);

template <typename Json>
Json TimestampOrNull(absl::Time time) {
  return time > absl::UnixEpoch() && time < absl::InfiniteFuture() ? Json(Timestamp(time)) : Json();
}

template <typename Json>
Json OffsetOrNull(int64_t offset) {
  return offset >= 0 ? Json(offset) : Json();
}

template <typename Json>
Json TextOrNull(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

template <typename Json>
Json TeamsJson(const std::vector<TeamRules>& in_force) {
  Json teams = Json::array();
  for (const TeamRules& team : in_force) {
    teams.push_back({{"team", team.team}, {"rules", team.rules}});
  }
  return teams;
}

template <typename Json>
Json AsideJson(const std::vector<TeamAside>& aside) {
  Json teams = Json::array();
  for (const TeamAside& team : aside) {
    teams.push_back({{"team", team.team},
                     {"destination", team.topic},
                     {"reason", team.reason},
                     {"cure", team.cure},
                     {"previous_in_force", team.previous_in_force}});
  }
  return teams;
}

template <typename Json>
void HideSecrets(Json* json) {
  if (json->is_string()) {
    *json = WithoutSecrets(json->template get_ref<const std::string&>());
  } else if (json->is_structured()) {
    for (Json& within : *json) HideSecrets(&within);
  }
}

// Its text with no secret in it, a line break at its end, and this indentation; -1: in one line.
// Bytes that are not UTF-8 (a topic or a broker's words can hold anything) are replaced.
template <typename Json>
std::string DumpJson(Json json, int indent) {
  HideSecrets(&json);
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace turnout::runtime

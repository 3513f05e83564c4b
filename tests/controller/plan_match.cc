#include "tests/controller/plan_match.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

bool MatchesSome(const Json& expected, const Json& items) {
  return std::any_of(items.begin(), items.end(),
                     [&](const Json& item) { return Mismatch(expected, &item, "").empty(); });
}

std::string Not(const std::string& place, const Json& expected, const Json& found) {
  return absl::StrFormat("%s is %s, not %s", place, found.dump(), expected.dump());
}

}  // namespace

std::string Mismatch(const Json& expected, const Json* found, const std::string& place) {
  if (expected.is_null()) {
    return found == nullptr || found->is_null() ? "" : Not(place, expected, *found);
  }
  if (found == nullptr) return absl::StrFormat("%s is not there", place);
  if (expected == "$any") return "";
  if (expected.is_string() && found->is_string()) {
    const std::string words = expected.get<std::string>();
    if (!words.starts_with("~")) return expected == *found ? "" : Not(place, expected, *found);
    const bool has = found->get<std::string>().find(words.substr(1)) != std::string::npos;
    return has ? "" : Not(place, expected, *found);
  }
  if (expected.is_object() && expected.contains("$size")) {
    return found->size() == expected["$size"] ? "" : Not(place, expected, *found);
  }
  if (expected.is_object() && expected.contains("$none")) {
    return MatchesSome(expected["$none"], *found) ? Not(place, expected, *found) : "";
  }
  if (expected.is_object()) {
    for (const auto& [name, value] : expected.items()) {
      const auto there = found->is_object() ? found->find(name) : found->end();
      const Json* within = there == found->end() ? nullptr : &*there;
      const std::string why = Mismatch(value, within, place + "." + name);
      if (!why.empty()) return why;
    }
    return "";
  }
  if (expected.is_array()) {
    for (const Json& item : expected) {
      if (!found->is_array() || !MatchesSome(item, *found)) {
        return absl::StrFormat("%s has no %s, but %s", place, item.dump(), found->dump());
      }
    }
    return "";
  }
  return expected == *found ? "" : Not(place, expected, *found);
}

}  // namespace turnout::controller

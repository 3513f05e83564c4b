// JsonLook: what stands in a JSON value at a path, or a fallback.
//
// Templates over the library's type of a JSON value, which is the .cc files' to include. What is of
// another type than asked for counts as missing: objects of the API server were checked by schemas,
// and what pods say may be of any version.
//
// Threads: pure functions. Pointers are into the value that was looked at.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace turnout::controller {

using JsonPath = std::initializer_list<std::string_view>;

// Null where there is nothing, or null.
template <typename Json>
const Json* Look(const Json& value, JsonPath path) {
  const Json* at = &value;
  for (const std::string_view name : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(std::string(name));
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at->is_null() ? nullptr : at;
}

template <typename Json>
std::string LookText(const Json& value, JsonPath path, std::string_view fallback = "") {
  const Json* found = Look(value, path);
  return found != nullptr && found->is_string() ? found->template get<std::string>()
                                                : std::string(fallback);
}

template <typename Json>
int64_t LookNumber(const Json& value, JsonPath path, int64_t fallback = 0) {
  const Json* found = Look(value, path);
  return found != nullptr && found->is_number() ? found->template get<int64_t>() : fallback;
}

template <typename Json>
bool LookFlag(const Json& value, JsonPath path, bool fallback = false) {
  const Json* found = Look(value, path);
  return found != nullptr && found->is_boolean() ? found->template get<bool>() : fallback;
}

// The members or items there; none where it is neither.
template <typename Json>
const Json& LookAll(const Json& value, JsonPath path) {
  static const Json kNone = Json::array();
  const Json* found = Look(value, path);
  return found != nullptr && found->is_structured() ? *found : kNone;
}

// Its compact text; empty where there is nothing.
template <typename Json>
std::string LookJson(const Json& value, JsonPath path) {
  const Json* found = Look(value, path);
  return found == nullptr ? std::string() : found->dump();
}

}  // namespace turnout::controller

// JsonObject: an object of JSON, member by member, for what the API says.
//
// Threads: an ordinary value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/json_text.h"

namespace turnout::manager {

class JsonObject {
 public:
  JsonObject& Text(std::string_view name, std::string_view text) {
    Name(name);
    runtime::AppendJsonString(text, &json_);
    return *this;
  }
  JsonObject& Number(std::string_view name, int64_t number) {
    return Json(name, std::to_string(number));
  }
  JsonObject& Flag(std::string_view name, bool is) { return Json(name, is ? "true" : "false"); }
  // `json` is a whole value.
  JsonObject& Json(std::string_view name, std::string_view json) {
    Name(name);
    json_ += json;
    return *this;
  }
  // Once.
  std::string Done() { return std::move(json_) + "}"; }

 private:
  void Name(std::string_view name) {
    json_ += json_.size() > 1 ? "," : "";
    runtime::AppendJsonString(name, &json_);
    json_ += ':';
  }

  std::string json_ = "{";
};

// An array of what `to_json` makes of each.
template <typename Things, typename ToJson>
std::string JsonArray(const Things& things, ToJson to_json) {
  std::string json = "[";
  for (const auto& thing : things) {
    if (json.size() > 1) json += ',';
    json += to_json(thing);
  }
  return json + "]";
}

inline std::string JsonTexts(const std::vector<std::string>& texts) {
  return JsonArray(texts, [](const std::string& text) { return runtime::JsonString(text); });
}

}  // namespace turnout::manager

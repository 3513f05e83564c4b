#include "deploy/controller/conditions.h"

#include <nlohmann/json.hpp>
#include <string>

#include "deploy/controller/json_look.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

constexpr char kTimeFormat[] = "%Y-%m-%dT%H:%M:%SZ";

const Json* Before(const Json& before, const std::string& type) {
  if (!before.is_array()) return nullptr;
  for (const Json& condition : before) {
    if (LookText(condition, {"type"}) == type) return &condition;
  }
  return nullptr;
}

// Not within a letter of several bytes.
std::string Cut(const std::string& text) {
  if (text.size() <= kMessageBytesMax) return text;
  size_t end = kMessageBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace

std::string TimeText(absl::Time time) {
  return absl::FormatTime(kTimeFormat, time, absl::UTCTimeZone());
}

absl::Time ReadTime(std::string_view text) {
  absl::Time time;
  std::string ignored;
  return absl::ParseTime(absl::RFC3339_full, std::string(text), &time, &ignored)
             ? time
             : absl::InfinitePast();
}

std::string ConditionsJson(std::string_view before, const std::vector<Condition>& conditions,
                           int64_t generation, absl::Time now) {
  const Json old = Json::parse(before, nullptr, false);
  Json out = Json::array();
  for (const Condition& condition : conditions) {
    std::string since = TimeText(now);
    const Json* same = Before(old, condition.type);
    if (same != nullptr && LookText(*same, {"status"}) == condition.status) {
      since = LookText(*same, {"lastTransitionTime"}, since);
    }
    out.push_back({{"type", condition.type},
                   {"status", condition.status},
                   {"observedGeneration", generation},
                   {"lastTransitionTime", since},
                   {"reason", condition.reason},
                   {"message", Cut(condition.message)}});
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<Condition> ChangedConditions(std::string_view before,
                                         const std::vector<Condition>& conditions) {
  const Json old = Json::parse(before, nullptr, false);
  std::vector<Condition> changed;
  for (const Condition& condition : conditions) {
    const Json* same = Before(old, condition.type);
    if (same == nullptr || LookText(*same, {"status"}) != condition.status ||
        LookText(*same, {"reason"}) != condition.reason) {
      changed.push_back(condition);
    }
  }
  return changed;
}

}  // namespace turnout::controller

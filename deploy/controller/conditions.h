// Conditions: a status's list of conditions in Kubernetes' conventions.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace turnout::controller {

struct Condition {
  std::string type;
  std::string status;  // "True", "False", "Unknown"
  std::string reason;  // one word, CamelCase
  std::string message;
};

inline std::string_view Truth(bool is_so) { return is_so ? "True" : "False"; }

// Longest message: status and reason matter more than the rest of a long log line.
inline constexpr size_t kMessageBytesMax = 4000;

// RFC 3339 in whole seconds, as Kubernetes writes it. Infinite past: a text that is none.
std::string TimeText(absl::Time time);
absl::Time ReadTime(std::string_view text);

// `conditions` as a JSON array, each with the time of its last change: that of `before` (a JSON
// array, or empty) where its status is the same, else `now`.
std::string ConditionsJson(std::string_view before, const std::vector<Condition>& conditions,
                           int64_t generation, absl::Time now);

// Those whose status or reason is another than in `before`.
std::vector<Condition> ChangedConditions(std::string_view before,
                                         const std::vector<Condition>& conditions);

}  // namespace turnout::controller

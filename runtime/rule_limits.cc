#include "runtime/rule_limits.h"

#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/config.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {

std::optional<router::RuleLimits> LoadRuleLimits(const std::string& config_path,
                                                 std::string* problems) {
  if (config_path.empty()) return router::RuleLimits{};
  const absl::StatusOr<std::string> text = ReadConfigFile(config_path);
  if (!text.ok()) {
    absl::StrAppend(problems, config_path, ": ", text.status().message(), "\n");
    return std::nullopt;
  }
  std::vector<router::Problem> found;
  const std::optional<Config::Limits> limits =
      ReadConfigLimits(config_path, *text, RealEnvironment(), &found);
  for (const router::Problem& problem : found) {
    absl::StrAppend(problems, FormatProblem(config_path, problem), "\n");
  }
  if (!limits) return std::nullopt;
  return limits->rules;
}

}  // namespace turnout::runtime

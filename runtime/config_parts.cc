#include "runtime/config_parts.h"

#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/config.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {
namespace {

// What `read` takes from the file.
template <typename Part>
std::optional<Part> LoadPart(const std::string& config_path,
                             std::optional<Part> (*read)(std::string_view file_name,
                                                         std::string_view text,
                                                         const ConfigEnvironment& environment,
                                                         std::vector<router::Problem>* problems),
                             std::string* problems) {
  const absl::StatusOr<std::string> text = ReadConfigFile(config_path);
  if (!text.ok()) {
    absl::StrAppend(problems, config_path, ": ", text.status().message(), "\n");
    return std::nullopt;
  }
  std::vector<router::Problem> found;
  std::optional<Part> part = read(config_path, *text, RealEnvironment(), &found);
  for (const router::Problem& problem : found) {
    absl::StrAppend(problems, FormatProblem(config_path, problem), "\n");
  }
  return part;
}

}  // namespace

std::optional<router::RuleLimits> LoadRuleLimits(const std::string& config_path,
                                                 std::string* problems) {
  if (config_path.empty()) return router::RuleLimits{};
  const auto limits = LoadPart<Config::Limits>(config_path, &ReadConfigLimits, problems);
  if (!limits) return std::nullopt;
  return limits->rules;
}

std::optional<router::StateSettings> LoadStateSettings(const std::string& config_path,
                                                       std::string* problems) {
  if (config_path.empty()) return router::StateSettings{};
  return LoadPart<router::StateSettings>(config_path, &ReadConfigTime, problems);
}

std::optional<state::S3Options> LoadS3Options(const std::string& config_path,
                                              std::string* problems) {
  if (config_path.empty()) return state::S3Options{};
  return LoadPart<state::S3Options>(config_path, &ReadConfigS3, problems);
}

}  // namespace turnout::runtime

#include "runtime/load_config.h"

#include <cstdio>
#include <vector>

#include "runtime/log.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {

std::optional<LoadedConfig> LoadConfig(const std::string& path, const ConfigOverrides& overrides) {
  const absl::StatusOr<std::string> text = ReadConfigFile(path);
  if (!text.ok()) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), std::string(text.status().message()).c_str());
    return std::nullopt;
  }
  ConfigEnvironment environment = RealEnvironment();
  environment.on_secret = HideInLog;
  std::vector<router::Problem> problems;
  std::optional<LoadedConfig> loaded =
      ReadConfig(path, *text, environment, &problems, overrides);
  for (router::Problem& problem : problems) {
    // Before it is formatted: that escapes what a secret may hold.
    problem.what = WithoutSecrets(problem.what);
    problem.cure = WithoutSecrets(problem.cure);
    std::fprintf(stderr, "%s\n", FormatProblem(path, problem).c_str());
  }
  return loaded;
}

}  // namespace turnout::runtime

#include "runtime/load_config.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/log.h"
#include "runtime/managed_values.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {
namespace {

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool IsManaged(const std::string& path) {
  return absl::StartsWith(path, "http://") || absl::StartsWith(path, "https://");
}

// Asks whomever the config names, else where the config itself came from.
ConfigEnvironment AskingEnvironment(const Config::SecretsFrom& came_from) {
  ConfigEnvironment environment = RealEnvironment();
  environment.on_secret = HideInLog;
  environment.managed = [came_from, values = std::shared_ptr<ManagedValues>()](
                            const Config::SecretsFrom& from, std::string_view kind,
                            const std::string& name) mutable {
    if (values == nullptr) {
      values = std::make_shared<ManagedValues>(from.url.empty() ? came_from : from);
    }
    return values->GetAtStart(kind, name);
  };
  return environment;
}

}  // namespace

std::optional<LoadedConfig> LoadConfig(const std::string& path, const ConfigOverrides& overrides) {
  Config::SecretsFrom came_from{.token_file = Variable("TURNOUT_TOKEN_FILE"),
                                .ca_bundle = Variable("TURNOUT_CA_FILE")};
  const absl::StatusOr<std::string> text =
      IsManaged(path) ? ReadManagedPipeline(path, &came_from) : ReadConfigFile(path);
  if (!text.ok()) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(),
                 WithoutSecrets(std::string(text.status().message())).c_str());
    return std::nullopt;
  }
  const ConfigEnvironment environment = AskingEnvironment(came_from);
  std::vector<router::Problem> problems;
  std::optional<LoadedConfig> loaded =
      ReadConfig(IsManaged(path) ? path.substr(path.rfind('/') + 1) : path, *text, environment,
                 &problems, overrides);
  for (router::Problem& problem : problems) {
    // Before it is formatted: that escapes what a secret may hold.
    problem.what = WithoutSecrets(problem.what);
    problem.cure = WithoutSecrets(problem.cure);
    std::fprintf(stderr, "%s\n", FormatProblem(path, problem).c_str());
  }
  if (loaded && loaded->config.secrets_from.url.empty() && !came_from.url.empty()) {
    loaded->config.secrets_from = came_from;
  }
  return loaded;
}

absl::StatusOr<Config> ConfigOf(const std::string& path) {
  std::optional<LoadedConfig> loaded = LoadConfig(path, {});
  if (loaded.has_value()) return std::move(loaded->config);
  return absl::InvalidArgumentError(
      absl::StrCat(path, " can't be read: the log says what is to be mended"));
}

}  // namespace turnout::runtime

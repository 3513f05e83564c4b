#include "runtime/validate_command.h"

#include <string_view>

#include "absl/strings/str_format.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {
namespace {

constexpr int kExitValid = 0;
constexpr int kExitRefused = 2;

std::string Counted(size_t count, std::string_view what) {
  return absl::StrFormat("%d %s%s", count, what, count == 1 ? "" : "s");
}

// "rules/fraud.yaml: ok, team fraud, 6 rules"; a file of many teams counts them.
std::string FormatLoaded(const LoadedFile& file) {
  const std::string teams = file.teams.size() == 1 ? "team " + file.teams.front()
                                                   : Counted(file.teams.size(), "team");
  return absl::StrFormat("%s: ok, %s, %s\n", file.file, teams, Counted(file.rules, "rule"));
}

}  // namespace

int RunValidate(const std::vector<std::string>& paths, const router::RuleLimits& limits,
                std::FILE* in, std::FILE* out) {
  const LoadedRules rules = LoadRules(paths, limits, in);
  std::string lines = FormatRefused(rules);
  for (const LoadedFile& file : rules.files) lines += FormatLoaded(file);
  std::fwrite(lines.data(), 1, lines.size(), out);
  return rules.refused.empty() ? kExitValid : kExitRefused;
}

}  // namespace turnout::runtime

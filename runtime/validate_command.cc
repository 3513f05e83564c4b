#include "runtime/validate_command.h"

#include <iterator>
#include <string_view>

#include "absl/strings/str_format.h"
#include "runtime/counted.h"
#include "runtime/exit_status.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {
namespace {

// "rules/fraud.yaml: ok, team fraud, 6 rules"; a file of many teams counts them.
std::string FormatLoaded(const LoadedFile& file) {
  const std::string teams = file.teams.size() == 1 ? "team " + file.teams.front()
                                                   : Counted(std::ssize(file.teams), "team");
  return absl::StrFormat("%s: ok, %s, %s\n", file.file, teams,
                         Counted(static_cast<int64_t>(file.rules), "rule"));
}

// How the source is partitioned, as far as anybody said.
std::string SourceIs(const router::RuleLimits& limits, const std::string& by) {
  if (!limits.partitioned_by) {
    return "nobody said what the source is partitioned by (--config, source.partitioned_by)";
  }
  if (by.empty()) return "source.partitioned_by says `none`";
  return absl::StrFormat("the source is partitioned by `%s` (source.partitioned_by)", by);
}

// A line for each rule whose matches go through the re-key topic, and why.
std::string FormatRekeyed(const LoadedRules& rules, const router::RuleLimits& limits) {
  const std::string by = limits.partitioned_by.value_or("");
  if (by == router::kOnePartition) return "";
  std::string lines;
  for (const router::Team& team : rules.teams) {
    for (const router::Rule& rule : team->rules) {
      std::string_view key = by;
      std::string is_elsewhere = SourceIs(limits, by);
      for (const router::Step& step : rule.steps) {
        if (!step.keeps_state() || step.key_field == key) continue;
        absl::StrAppendFormat(
            &lines,
            "%s/%s: is re-keyed: its step `%s` keeps state by `%s`, and %s; its matches go "
            "through the re-key topic first\n",
            team->team, rule.name, router::StepName(step.kind), step.key_field, is_elsewhere);
        key = step.key_field;
        is_elsewhere =
            absl::StrFormat("the step before has sent it to where `%s` lives", step.key_field);
      }
    }
  }
  return lines;
}

}  // namespace

int RunValidate(const std::vector<std::string>& paths, const router::RuleLimits& limits,
                std::FILE* in, std::FILE* out) {
  const LoadedRules rules = LoadRules(paths, limits, in);
  std::string lines = FormatRefused(rules);
  for (const LoadedFile& file : rules.files) lines += FormatLoaded(file);
  lines += FormatRekeyed(rules, limits);
  std::fwrite(lines.data(), 1, lines.size(), out);
  return rules.refused.empty() ? kExitOk : kExitRefused;
}

}  // namespace turnout::runtime

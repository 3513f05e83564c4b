// Fuzzes the reader of rule files in all its notations: the first byte chooses one, the rest is the
// text. Whatever is accepted must be sound enough to route by; whatever is refused must say why.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/router.h"
#include "router/rule_file.h"
#include "tests/fuzz/check.h"
#include "tests/support/memory_state.h"

namespace turnout::router {
namespace {

std::optional<std::vector<RuleFile>> Read(char notation, std::string_view text,
                                          std::vector<Problem>* problems) {
  const RuleLimits limits = {.rules_per_team_max = 20, .file_bytes_max = 1 << 20};
  if (notation % 3 == 2) return ReadRuleLines(text, limits, problems);
  const std::string_view name = notation % 3 == 1 ? "rules.json" : "rules.yaml";
  std::optional<RuleFile> file = ReadRuleFile(name, text, limits, problems);
  if (!file.has_value()) return std::nullopt;
  return std::vector<RuleFile>{*std::move(file)};
}

void CheckAccepted(const RuleFile& file) {
  FUZZ_CHECK(!file.team.empty() && !file.rules.empty() && !file.allowed_destinations.empty());
  for (const Rule& rule : file.rules) {
    FUZZ_CHECK(!rule.name.empty() && !rule.to.empty() && rule.match != nullptr);
    for (const DestinationTemplate& destination : rule.to) {
      FUZZ_CHECK(destination.literals.size() == destination.fields.size() + 1);
      if (destination.is_constant()) FUZZ_CHECK(TopicNameFault(destination.text).empty());
    }
  }
}

void Fuzz(std::string_view input) {
  if (input.empty()) return;
  std::vector<Problem> problems;
  auto teams = Read(input[0], input.substr(1), &problems);
  FUZZ_CHECK(teams.has_value() == problems.empty());
  for (const Problem& problem : problems) {
    FUZZ_CHECK(!problem.what.empty() && !problem.cure.empty());
    FUZZ_CHECK(problem.at.line >= 0 && problem.at.column >= 0);
  }
  if (!teams.has_value()) return;
  for (const RuleFile& team : *teams) CheckAccepted(team);
  std::vector<Team> shared;
  for (RuleFile& team : *teams) shared.push_back(std::make_shared<const RuleFile>(std::move(team)));
  Router router(RuleSet::Build(std::move(shared), {.partitioned_by = std::string(kOnePartition)}));
  support::MemoryState state(0);
  TaskSteps task(&state);
  const Routes& routes =
      router.Route({.value = R"({"type": "x", "region": "eu", "a": 1, "n": [1, {}]})"}, &task);
  FUZZ_CHECK(routes.state_error.ok());
  for (const Output& output : routes.outputs) {
    FUZZ_CHECK(TopicNameFault(output.destination).empty());
  }
}

}  // namespace
}  // namespace turnout::router

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  turnout::router::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}

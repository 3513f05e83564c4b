#include "router/moved_rules.h"

#include <algorithm>
#include <map>
#include <set>

#include "router/rule_file.h"

namespace turnout::router {
namespace {

// A step of a rule set, and where it would keep its state in the source of either.
struct PlacedStep {
  std::string rule;
  StepPlace before = StepPlace::kSource;
  StepPlace now = StepPlace::kSource;
};

std::map<state::StepId, PlacedStep> PlacedSteps(const RuleSet& rules,
                                                const std::string& partitioned_before,
                                                const std::string& partitioned_now) {
  std::map<state::StepId, PlacedStep> placed;
  for (const Team& team : rules.teams()) {
    for (const Rule& rule : team->rules) {
      const auto before = PlacesOfSteps(rule, partitioned_before);
      const auto now = PlacesOfSteps(rule, partitioned_now);
      for (size_t i = 0; i < now.size(); ++i) {
        placed[now[i].first] = {team->team + "/" + rule.name, before[i].second, now[i].second};
      }
    }
  }
  return placed;
}

// Whether its rule's team stands aside, or may, for all that is known.
bool MayStandAside(const RuleSet& rules, state::StepId step) {
  const absl::Span<const state::StepId> kept = rules.kept_steps();
  return rules.keeps_all_steps() || std::binary_search(kept.begin(), kept.end(), step);
}

}  // namespace

std::vector<std::string> RulesThatMove(const RuleSet& before, const RuleSet& now) {
  const std::string& partitioned_before = before.settings().partitioned_by;
  const std::string& partitioned_now = now.settings().partitioned_by;
  const auto steps_before = PlacedSteps(before, partitioned_before, partitioned_now);
  const auto steps_now = PlacedSteps(now, partitioned_before, partitioned_now);
  std::set<std::string> moved;
  for (const auto& [step, placed] : steps_now) {
    const auto known = steps_before.find(step);
    if (known != steps_before.end()) {
      if (known->second.before != placed.now) moved.insert(placed.rule);
    } else if (MayStandAside(before, step) && placed.before != placed.now) {
      moved.insert(placed.rule);
    }
  }
  for (const auto& [step, placed] : steps_before) {
    if (steps_now.contains(step) || !MayStandAside(now, step)) continue;
    if (placed.before != placed.now) moved.insert(placed.rule);
  }
  std::vector<std::string> rules(moved.begin(), moved.end());
  const absl::Span<const state::StepId> kept = before.kept_steps();
  const bool some_have_no_name = partitioned_before != partitioned_now &&
                                 std::any_of(kept.begin(), kept.end(), [&](state::StepId step) {
                                   return MayStandAside(now, step) && !steps_now.contains(step);
                                 });
  if (some_have_no_name) rules.emplace_back("rules of teams that stand aside");
  return rules;
}

}  // namespace turnout::router

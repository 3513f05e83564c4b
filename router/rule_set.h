// RuleSet: every team's rules, compiled together, immutable, named by the hash of their content.
//
// The hash covers what decides where an event goes and as what: team and rule names, patterns,
// steps, shapes, destinations, record keys, rollouts, and what a team may write. Descriptions,
// owners, notation and the order of files and rules make no difference to it.
//
// Nothing of the teams is copied but what matching and routing need; the teams themselves are
// shared. A changed team costs a Build, but no other team is read or compiled for it.
//
// Threads: immutable; shared by all workers, swapped whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "router/matcher.h"
#include "router/rule_file.h"
#include "router/state_settings.h"
#include "router/task_steps.h"

namespace turnout::router {

using RuleIndex = uint32_t;
struct RoutePlan;

// Lifetime: as long as the rule set.
struct RuleInfo {
  std::string_view id;  // "team/name"
  uint32_t team_bytes = 0;

  std::string_view team() const { return id.substr(0, team_bytes); }
  std::string_view name() const { return id.substr(team_bytes + 1); }
};

// Of a step that there is none of: stands for all that nobody can name, the rules of a file that
// can't be read.
inline constexpr state::StepId kAllSteps = 0;

class RuleSet {
 public:
  // Teams in any order; the result doesn't depend on it. Team names are unique (the caller has
  // refused the second file of a team). `kept_steps` are those of teams that stand aside: not in
  // force, but what they remember stays.
  static std::shared_ptr<const RuleSet> Build(std::vector<Team> teams, StateSettings settings = {},
                                              std::vector<state::StepId> kept_steps = {});
  ~RuleSet();

  // 16 hex digits; equal content, equal hash, on every machine.
  const std::string& hash() const;
  // In the order of RuleIndex, sorted by id.
  const std::vector<RuleInfo>& rules() const;
  // Every constant destination with the teams that write it, sorted. Where only rules in shadow
  // would write, nobody does.
  struct Destination {
    std::string topic;
    std::vector<std::string> teams;
  };
  const std::vector<Destination>& destinations() const;

  // What it was built of.
  const std::vector<Team>& teams() const;
  // That rules are enriched from, each once; TableLookup numbers them so.
  const std::vector<std::string>& tables() const;

  const StateSettings& settings() const;
  absl::Span<const state::StepId> kept_steps() const;
  // Among them is kAllSteps: a state forgets nothing when these rules take effect.
  bool keeps_all_steps() const;
  // Of all steps that keep state, and `kept_steps`; sorted.
  absl::Span<const state::StepId> steps() const;
  // Of those that keep it there, and `kept_steps`; sorted. A state keeps these and no others.
  absl::Span<const state::StepId> steps_at(StepPlace place) const;
  bool keeps_state() const { return !steps().empty(); }
  // Whether some step has another key than the source is partitioned by.
  bool rekeys() const;

  // Adds what the task keeps for each rule that keeps anything to its place in `by_rule`, which has
  // one for each.
  void AddSizes(const TaskSteps& task, std::vector<StateSize>* by_rule) const;

  // Whether any rule looks into the payload: to match it, or to make something of it.
  bool reads_payload() const;

  // For the Router. The Matcher's patterns are numbered by RuleIndex, its fields as in the plan.
  const Matcher& matcher() const;
  const RoutePlan& plan() const;

 private:
  struct Impl;
  explicit RuleSet(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace turnout::router

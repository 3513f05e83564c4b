// RuleFile: one team's rules, read, checked as far as one file can be, and compiled.
//
// YAML or JSON, one document a team (format: router/README.md). The same reader serves the router,
// `turnout validate` and the config manager, so that what validates is what runs. A file is
// accepted or refused whole; all its problems are reported in one go, in the order of the text.
//
// Errors: nullopt, and at least one Problem. A rule without a usable name is called by its number:
//   `fraud/#3`; a team without one is called `?`.
// Cost: 1.2 KB a rule of three fields; rule sets share what was read.
// Threads: pure functions; a RuleFile is an ordinary value until it is shared as a Team.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/destination_template.h"
#include "router/document.h"
#include "router/enrich_reader.h"
#include "router/pattern.h"
#include "router/rollout.h"
#include "router/shape_reader.h"
#include "router/state_settings.h"
#include "router/step.h"

namespace turnout::router {

struct RuleLimits {
  int rules_per_team_max = 10000;
  int destinations_per_rule_max = 64;
  int destination_globs_max = 100;  // entries of a team's `destinations`
  int file_bytes_max = 64 << 20;
  int64_t team_pattern_cost_max = 1'000'000;  // see pattern_cost.h
  PatternLimits pattern;
  int steps_max = 16;  // of a rule
  EnrichLimits enrich;
  ShapeLimits shape;
  // No limit, but of the same origin: what the source is partitioned by, as in StateSettings, for
  // who tells which rules are re-keyed. Nobody said: nullopt.
  std::optional<std::string> partitioned_by;
};

inline constexpr size_t kNameBytesMax = 100;  // of a team, of a rule

struct Rule {
  std::string name;
  std::string description;
  Position at;
  Pattern match;
  // Of `match` as it is written: the same for the same tree, in whichever notation.
  uint64_t match_hash = 0;
  std::vector<Step> steps;
  std::vector<EnrichSpec> enrich;
  std::shared_ptr<const ShapePlan> shape;  // null: the event as it is
  std::vector<DestinationTemplate> to;
  std::string key_field;  // empty: the event's own key
  Rollout rollout;
};

// A file as it was read, of one team or of many.
struct RuleSource {
  std::string file_name;
  std::string text;
};

struct RuleFile {
  std::string team;
  std::string owner;
  std::vector<std::string> allowed_destinations;  // globs: `*` stands for any run of characters
  std::vector<Rule> rules;                        // sorted by name
  // Where it was read, for who keeps it. Null: nobody does.
  std::shared_ptr<const RuleSource> source;
  // Of what decides where an event goes: names, patterns, steps, shapes, destinations, keys,
  // rollouts, `destinations`. Descriptions, owner, notation and the order of rules make no
  // difference to it.
  uint64_t content_hash = 0;
};

bool KeepsState(const RuleFile& team);
// Whether some step that keeps state has another key than the source is partitioned by.
bool Rekeys(const RuleFile& team, const StateSettings& settings);
// The ids of its steps that keep state.
void AppendSteps(const RuleFile& team, std::vector<state::StepId>* steps);

// Where a step keeps its state: in the source's partitions, or, from a rule's first step on that
// has another key than the source is partitioned by, where re-keying leads.
enum class StepPlace { kSource, kRekeyed };
inline constexpr size_t kStepPlaces = 2;

// Of the rule's steps that keep state, in their order, where `partitioned_by` is what the source is
// partitioned by.
std::vector<std::pair<state::StepId, StepPlace>> PlacesOfSteps(const Rule& rule,
                                                               std::string_view partitioned_by);

// A team's rules once they are read: shared by all rule sets that they are part of.
using Team = std::shared_ptr<const RuleFile>;

// The team as if it had this rule alone, rolled out in full; with `to`, as if that sent there.
// Null: it has no such rule.
Team OnlyRule(const RuleFile& team, std::string_view rule, const DestinationTemplate* to = nullptr);

// `file_name` decides the notation (.json is JSON, else YAML; "-" looks at the first character).
std::optional<RuleFile> ReadRuleFile(std::string_view file_name, std::string_view text,
                                     const RuleLimits& limits, std::vector<Problem>* problems);

// JSON lines: a rule a line with its team beside it, {"team", "name", "match", "to"} and if need be
// "steps", "shape", "key", "rollout" and "description"; any number of teams, each of which may
// write what its rules name. Empty lines are skipped. Teams in the order in which they appear
// first.
std::optional<std::vector<RuleFile>> ReadRuleLines(std::string_view text, const RuleLimits& limits,
                                                   std::vector<Problem>* problems);

// Whether the first line that is not empty is a rule of ReadRuleLines' form: for a text without a
// name.
bool LooksLikeRuleLines(std::string_view text);

}  // namespace turnout::router

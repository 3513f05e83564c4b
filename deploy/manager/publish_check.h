// PublishCheck: what publishing a change would mean, before it is done: whether the routers would
// take it, which rules it adds, removes, widens or narrows, and what the teams' own tests say.
//
// Rules are read by the very code that routes. A rule is widened if everything that it matched it
// still matches, and more may; narrowed the other way round; both are told from the patterns'
// trees, and said only if certain: whatever else is `changed`.
//
// Errors: in the report. A Status only for what is the machine's fault.
// Cost: the changed files are read, tests of the changed teams are run; the others are not.
// Threads: pure functions of what they are given, but for a temporary directory of the tests.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/manager/change.h"
#include "deploy/manager/item.h"
#include "router/rule_file.h"
#include "router/state_settings.h"

namespace turnout::manager {

struct ItemProblem {
  ItemId id;
  size_t line = 0;  // from 1; 0: of the item as a whole
  size_t column = 0;
  std::string rule;  // "team/name"; empty: of no rule
  std::string text;  // what is wrong, and the cure
};

enum class RuleEffect { kAdded, kRemoved, kWidened, kNarrowed, kChanged };

struct RuleChange {
  std::string rule;  // "team/name"
  RuleEffect effect = RuleEffect::kChanged;
  // Of changed, widened, narrowed: match, steps, enrich, shape, to, key, rollout, and destinations
  // where those of the team bear on the rule; `notation`: the match is another text, and certainly
  // matches just the same.
  std::vector<std::string> parts;
};

struct TestResult {
  ItemId tests;
  std::string name;
  size_t line = 0;
  std::vector<std::string> failures;  // empty: it passed
};

struct PublishReport {
  std::vector<ItemProblem> problems;
  std::vector<RuleChange> rules;  // sorted by rule
  std::vector<TestResult> tests;

  // Whether it may be published.
  bool ok() const;
};

inline constexpr size_t kProblemsPerItemMax = 100;  // the last one says how many more there are

// What the file of a team's rules is called where it is served or compiled: its notation goes by
// the first character that is no white space, `{` is JSON. The same for its tests.
std::string RuleFileName(std::string_view team, std::string_view text);
std::string TestFileName(std::string_view team, std::string_view text);

// `before` holds all items of the service as they are, by id; `edits` are of that service.
absl::StatusOr<PublishReport> CheckPublish(const std::map<ItemId, Item>& before,
                                           const std::vector<Edit>& edits,
                                           const router::RuleLimits& limits,
                                           const router::StateSettings& settings);

}  // namespace turnout::manager

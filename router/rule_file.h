// RuleFile: one team's rules as written, checked as far as one file can be.
//
// YAML or JSON, one document a team (format: router/README.md). The same reader serves the router,
// `turnout validate` and the config manager, so that what validates is what runs. A file is
// accepted or refused whole; all its problems are reported in one go.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/document.h"
#include "router/pattern.h"

namespace turnout::router {

struct RuleLimits {
  int rules_per_team_max = 10000;
  int destinations_per_rule_max = 64;
  int file_bytes_max = 64 << 20;
  PatternLimits pattern;
};

// Where a rule sends: a topic name, in which `{field.path}` takes that field's value.
struct DestinationTemplate {
  std::string text;  // as written
  // Literal text and field paths by turns, beginning and ending with a literal (possibly empty):
  // `a-{x}-b` is literals {"a-", "-b"}, fields {"x"}.
  std::vector<std::string> literals;
  std::vector<std::string> fields;
  bool is_constant() const { return fields.empty(); }
};

struct Rule {
  std::string name;
  Position at;
  Pattern match;
  std::vector<DestinationTemplate> to;
  std::string key_field;  // empty: the event's own key
};

struct RuleFile {
  std::string team;
  std::string owner;
  std::vector<std::string> allowed_destinations;  // globs: `*` stands for any run of characters
  std::vector<Rule> rules;
};

// `file_name` decides the notation (.json is JSON, else YAML; "-" looks at the first character).
std::optional<RuleFile> ReadRuleFile(std::string_view file_name, std::string_view text,
                                     const RuleLimits& limits, std::vector<Problem>* problems);

}  // namespace turnout::router

// RuleReader: turns the tree of a rule file, or of its lines, into RuleFiles; what is wrong with it
// into Problems, each under the team and rule at hand.
//
// Internal to ReadRuleFile and ReadRuleLines, which know of texts and notations. What is read after
// a Problem is of use only for finding more of them.
//
// Lifetime: borrows the limits and the list of problems. Threads: one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "router/document.h"
#include "router/rule_file.h"

namespace turnout::router {

class RuleReader {
 public:
  RuleReader(const RuleLimits& limits, std::vector<Problem>* problems)
      : limits_(limits), problems_(problems) {}

  void ReadFile(const Node& root, RuleFile* file);
  // A line of a JSON lines text; its rule goes to its team's file.
  void ReadLine(const Node& root, std::vector<RuleFile>* files);

 private:
  void Add(Position at, std::string what, std::string cure) {
    problems_->push_back({at, subject_, std::move(what), std::move(cure)});
  }
  void CheckKeys(const Node& object, absl::Span<const std::string_view> known);
  // The string at `key`; null when there is none, after a Problem if there is something else.
  const Node* FindString(const Node& object, std::string_view key);
  // As FindString, and its absence is a Problem.
  const Node* FindRequired(const Node& object, std::string_view key, std::string_view example);
  std::string ReadTeam(const Node& root);
  void ReadAllowedDestinations(const Node& root, RuleFile* file);
  std::string ReadRuleName(const Node& node, const std::string& team, size_t number);
  void ReadRule(const Node& node, absl::Span<const std::string_view> known, RuleFile* file);
  void ReadMatch(const Node& node, Rule* rule);
  // All that readers of their own read: steps, enrich, shape and rollout.
  void ReadParts(const Node& node, Rule* rule);
  void ReadTo(const Node& node, const RuleFile& file, Rule* rule);
  void ReadDestination(const Node& node, const RuleFile& file, Rule* rule);
  void ReadKey(const Node& node, Rule* rule);
  void CheckAggregate(const Node& node, const Rule& rule);
  void CheckUnique(const Rule& rule, const std::string& team);

  const RuleLimits& limits_;
  std::vector<Problem>* const problems_;
  std::string subject_;
  std::unordered_map<std::string, Position> rule_positions_;  // by "team/rule"
  std::unordered_map<std::string, size_t> team_index_;        // ReadLine: position in files
};

}  // namespace turnout::router

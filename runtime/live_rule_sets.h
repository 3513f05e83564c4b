// LiveRuleSets: how far a rule reached in each of the live pipeline's rule sets, as far as this
// machine knows them: those that the config's rule files make now, and those that routers with the
// same state directory have had in force lately (rule_history.h).
//
// Threads: one; reads files.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "router/rule_set.h"
#include "runtime/config.h"
#include "runtime/live_join.h"
#include "runtime/rule_history.h"

namespace turnout::runtime {

class LiveRuleSets {
 public:
  // `config` is borrowed; `rule` is "team/name".
  LiveRuleSets(const Config& config, std::string rule);

  // Nullopt: nobody here knows the rule set of this hash.
  std::optional<RuleReach> ReachIn(const std::string& hash);

 private:
  void LearnPresent();
  RuleReach ReachOf(const router::RuleSet& rules) const;

  const Config& config_;
  const std::string team_;
  const std::string name_;
  std::vector<std::unique_ptr<RuleHistory>> histories_;
  std::map<std::string, RuleReach> known_;  // by hash
};

}  // namespace turnout::runtime

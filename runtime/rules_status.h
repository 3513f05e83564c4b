// RulesStatus: which rules are in force, which are not, and why.
//
// Threads: an ordinary value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "runtime/preflight.h"

namespace turnout::runtime {

struct TeamRules {
  std::string team;
  int rules = 0;
  uint64_t content_hash = 0;  // as in RuleFile
};

// A rule that is not rolled out in full.
struct RuleRollout {
  std::string rule;  // "team/name"
  double percent = 100;
  bool is_shadow = false;
};

// A rule file that was not accepted; its problems as `turnout validate` prints them.
struct RefusedRules {
  std::string file;
  std::vector<std::string> problems;
};

struct RulesStatus {
  std::string hash;  // empty: none is in force yet
  absl::Time published;
  std::vector<TeamRules> teams;       // in force
  std::vector<RuleRollout> rollouts;  // of their rules
  std::vector<TeamAside> aside;
  std::vector<RefusedRules> refused;
};

}  // namespace turnout::runtime

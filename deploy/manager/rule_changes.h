// RuleChanges: what becomes of a team's rules where one rule file takes another one's place.
//
// Descriptions, owner, notation and the order of rules are no change.
// Threads: pure functions.
#pragma once

#include <vector>

#include "deploy/manager/publish_check.h"
#include "router/rule_file.h"

namespace turnout::manager {

// Null: there is no such file. Sorted by rule.
std::vector<RuleChange> CompareRules(const router::RuleFile* before, const router::RuleFile* after);

}  // namespace turnout::manager

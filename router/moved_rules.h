// RulesThatMove: which rules' steps keep their state in another place by one rule set than by
// another: where the source is partitioned by another field, or a rule has got a step of another
// key before them. What they remember stays behind, and they begin empty.
//
// A team that stands aside in one rule set is judged by its rules in the other.
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "router/rule_set.h"

namespace turnout::router {

// Of the steps that both rule sets know. The rules' ids, sorted, and words for those that nobody
// can name, since their team stands aside in both.
std::vector<std::string> RulesThatMove(const RuleSet& before, const RuleSet& now);

}  // namespace turnout::router

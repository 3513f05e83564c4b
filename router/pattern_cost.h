// What a team's patterns cost: a measure by which no team can take all of an event's time.
//
// The unit is about what a test for one of many values costs, a few nanoseconds: a value and an
// `exists` cost 1, a prefix, a suffix, a letter case, an address or a range 2, `anything-but`, a
// timestamp and a length 5, a wildcard 20, a `regex` 100. Of a field's list only the dearest
// counts, since an index looks the others up with it; branches of `$or` count each. It is the worst
// that an event can ask of them: most events stop at a pattern's first test, or are never brought
// before it.
//
// Errors: a problem at the rule with which the limit is passed.
#pragma once

#include <cstdint>
#include <vector>

#include "router/document.h"
#include "router/pattern.h"
#include "router/rule_file.h"

namespace turnout::router {

int64_t CostOf(const PatternContent& pattern);

// Of the rules in the order of the file.
void CheckTeamCost(const RuleFile& team, int64_t cost_max, std::vector<Problem>* problems);

}  // namespace turnout::router

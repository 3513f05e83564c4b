// DiffReport: what `turnout diff` prints of a RuleDiff: a table for people, or JSON.
//
// The table has the rules that differ, with their samples; of the others it says how many there
// are. The JSON has all rules that sent anything.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/rule_diff.h"

namespace turnout::runtime {

struct DiffFacts {
  std::string old_hash;
  std::string new_hash;
  uint64_t unreadable_events = 0;
  bool keeps_state = false;  // one of the two
};

std::string DiffTable(const RuleDiff& diff, const DiffFacts& facts);
std::string DiffJson(const RuleDiff& diff, const DiffFacts& facts);

}  // namespace turnout::runtime

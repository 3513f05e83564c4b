// ExplainDifferential: why patterns don't hold of a random case's records, put to the PlainMatcher.
//
// A PatternJudge must find a fault just where the PlainMatcher finds no match, and what it names
// must be false by itself: the fields of the fault, as a pattern of their own, hold of the record
// by the PlainMatcher in no case. What a field wanted is read again as a pattern and must come to
// the same predicates.
//
// Threads: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "router/pattern_fault.h"
#include "tests/support/random_case.h"

namespace turnout::support {

struct ExplainTally {
  uint64_t matches = 0;
  std::array<uint64_t, 5> faults{};  // by PatternFault::Kind
  uint64_t texts = 0;                // wanted lists that were read again
};

// Empty where all agree; else what differs, with the pattern and the record.
std::string ExplainDifferenceOf(const RandomCase& made, ExplainTally* tally);

}  // namespace turnout::support

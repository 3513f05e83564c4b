// Differential: a random case put to the Matcher and to the PlainMatcher.
//
// All records of a case go through one Scratch, in order. Compared are the status (its code), the
// matches and every asked-for field. A case that differs is first rid of the rules, records and
// fields that the difference does without.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/random_case.h"

namespace turnout::support {

// What a run of cases was made of, so that a test can see that it tried something.
struct DifferentialTally {
  uint64_t records = 0;
  uint64_t answers = 0;  // rules judged, over records
  uint64_t matches = 0;
  uint64_t refused_patterns = 0;  // did not compile, and were left out
  uint64_t refused_events = 0;
  uint64_t undecided = 0;  // answers that the PlainMatcher gave up on; they are not compared
};

// Empty when both agree. Else one line that says what differs, the case as `turnout match --cases`
// reads it (with the PlainMatcher's answer for its expectation), and both answers.
std::string DifferenceOf(const RandomCase& made, DifferentialTally* tally);

}  // namespace turnout::support

// ShapeDifferential: a random shape and event, shaped by the router and by the plain shaper.
//
// Threads: pure functions of the choices.
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/choices.h"

namespace turnout::support {

struct ShapeTally {
  uint64_t refused_shapes = 0;
  uint64_t rejected = 0;   // the event lacks something
  uint64_t shaped = 0;
  uint64_t unchanged = 0;  // of the shaped: to what they were
};

// What differs, as a line of tests/router/data/shape_cases.jsonl with both answers; empty when
// nothing does.
std::string ShapeDifferenceOf(Choices* choices, ShapeTally* tally);

}  // namespace turnout::support

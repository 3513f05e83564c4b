// RandomOperators: single entries of a field's list, one maker an operator, in one table.
//
// A new operator of the language is one more line of the table: every differential test has it
// from then on.
//
// Threads: pure functions of the choices.
#pragma once

#include <string>

#include "absl/types/span.h"
#include "tests/support/choices.h"
#include "tests/support/vocabulary.h"

namespace turnout::support {

struct RandomEntry {
  std::string json;
  std::string example;  // a JSON value that satisfies it, mostly; empty when absence does
};

struct OperatorMaker {
  const char* name;
  size_t weight;   // how often it is taken, beside the others
  bool extension;  // true: event-ruler does not know it
  RandomEntry (*make)(const Vocabulary& words, Choices* choices);
};

absl::Span<const OperatorMaker> OperatorMakers();

// Any of them.
RandomEntry MakeEntry(const Vocabulary& words, bool extensions, Choices* choices);

}  // namespace turnout::support

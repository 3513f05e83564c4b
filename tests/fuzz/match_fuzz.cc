// Bytes as the choices that make rules and records (support/random_case.h): the Matcher answers as
// the PlainMatcher does, and the reasons that are given for what does not match are true by it.
// What differs is printed as a conformance case, to be kept in tests/router/data.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/support/choices.h"
#include "tests/support/differential.h"
#include "tests/support/explain_differential.h"
#include "tests/support/random_case.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using turnout::support::Choices;
  Choices choices(std::string_view(reinterpret_cast<const char*>(data), size));
  const turnout::support::RandomCase made =
      turnout::support::MakeRandomCase(turnout::support::CaseScope(), &choices);
  turnout::support::DifferentialTally tally;
  turnout::support::ExplainTally explain_tally;
  std::string difference = turnout::support::DifferenceOf(made, &tally);
  if (difference.empty()) {
    difference = turnout::support::ExplainDifferenceOf(made, &explain_tally);
  }
  if (difference.empty()) return 0;
  std::fprintf(stderr, "%s", difference.c_str());
  std::abort();
}

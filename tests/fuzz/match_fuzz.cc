// Bytes as the choices that make rules and records (support/random_case.h): the Matcher answers as
// the PlainMatcher does. What differs is printed as a conformance case, to be kept in
// tests/router/data.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/support/choices.h"
#include "tests/support/differential.h"
#include "tests/support/random_case.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using turnout::support::Choices;
  Choices choices(std::string_view(reinterpret_cast<const char*>(data), size));
  turnout::support::DifferentialTally tally;
  const std::string difference = turnout::support::DifferenceOf(
      turnout::support::MakeRandomCase(turnout::support::CaseScope(), &choices), &tally);
  if (difference.empty()) return 0;
  std::fprintf(stderr, "%s", difference.c_str());
  std::abort();
}

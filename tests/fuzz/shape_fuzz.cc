// Bytes as the choices that make a shape and an event: the router shapes it as the PlainShaper
// does. What differs is printed as a case, to be kept in tests/router/data/shape_cases.jsonl.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/support/choices.h"
#include "tests/support/shape_differential.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using turnout::support::Choices;
  Choices choices(std::string_view(reinterpret_cast<const char*>(data), size));
  turnout::support::ShapeTally tally;
  const std::string difference = turnout::support::ShapeDifferenceOf(&choices, &tally);
  if (difference.empty()) return 0;
  std::fprintf(stderr, "%s", difference.c_str());
  std::abort();
}

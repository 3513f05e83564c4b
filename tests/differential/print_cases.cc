// Prints random cases as JSON lines, for event-ruler and for `turnout match --cases` to answer:
//   differential_cases SEED COUNT
//   {"id", "rules": {NAME: PATTERN}, "event": TEXT}
// Only what event-ruler knows: no fields of the record, no extensions of the language. Every eighth
// run of choices makes a pattern that is likely to be refused.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "router/json_string.h"
#include "tests/support/choices.h"
#include "tests/support/json_tree.h"
#include "tests/support/random_case.h"
#include "tests/support/random_pattern.h"
#include "tests/support/vocabulary.h"

namespace {

using turnout::support::CaseScope;
using turnout::support::Choices;
using turnout::support::QuotedJson;
using turnout::support::RandomCase;
using turnout::support::RandomRecord;

constexpr uint64_t kOddOneIn = 8;

RandomCase OddCase(uint64_t seed) {
  Choices choices(seed);
  const turnout::support::Vocabulary words = turnout::support::PickVocabulary(&choices);
  RandomCase odd;
  odd.patterns.push_back(turnout::support::PatternMaker(words, {false, false}, &choices).MakeOdd());
  odd.records.emplace_back().value = "{}";
  return odd;
}

RandomCase CaseOf(uint64_t seed) {
  if (seed % kOddOneIn == 0) return OddCase(seed);
  CaseScope scope;
  scope.kafka = false;
  scope.extensions = false;
  scope.many_rules = false;
  Choices choices(seed);
  return turnout::support::MakeRandomCase(scope, &choices);
}

void Print(const std::string& id, const RandomCase& made, const RandomRecord& record) {
  std::string line = "{\"id\": " + QuotedJson(id) + ", \"rules\": {";
  for (size_t i = 0; i < made.patterns.size(); ++i) {
    line += (i == 0 ? "\"r" : ", \"r") + std::to_string(i) + "\": " + QuotedJson(made.patterns[i]);
  }
  line += "}, \"event\": " + QuotedJson(record.value) + "}\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: differential_cases SEED COUNT\n");
    return 2;
  }
  uint64_t seed = std::strtoull(argv[1], nullptr, 10);
  const uint64_t count = std::strtoull(argv[2], nullptr, 10);
  for (uint64_t printed = 0; printed < count; ++seed) {
    const RandomCase made = CaseOf(seed);
    for (size_t i = 0; i < made.records.size() && printed < count; ++i) {
      // A line of JSON can't hold what is no UTF-8; match_fuzz covers that.
      if (turnout::router::FindBadUtf8(made.records[i].value) != std::string::npos) continue;
      Print(std::to_string(seed) + "." + std::to_string(i), made, made.records[i]);
      ++printed;
    }
  }
  return 0;
}

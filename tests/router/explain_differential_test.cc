// The reasons why patterns don't match, against the PlainMatcher, seed by seed.
#include "tests/support/explain_differential.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/choices.h"
#include "tests/support/random_case.h"

namespace turnout::support {
namespace {

using Kind = router::PatternFault::Kind;

TEST(ExplainDifferential, WhatIsNamedAsTheReasonIsFalseByThePlainMatcher) {
  ExplainTally tally;
  for (uint64_t seed = 0; seed < 1'500; ++seed) {
    Choices choices(seed);
    const std::string difference =
        ExplainDifferenceOf(MakeRandomCase({.many_rules = false}, &choices), &tally);
    ASSERT_EQ(difference, "") << "seed " << seed;
  }
  // Agreement says something only where each answer is frequent.
  EXPECT_GT(tally.matches, 1'000u);
  EXPECT_GT(tally.texts, 5'000u);
  for (const Kind kind : {Kind::kAbsent, Kind::kValue, Kind::kUnreadable}) {
    EXPECT_GT(tally.faults[static_cast<size_t>(kind)], 500u) << static_cast<size_t>(kind);
  }
  EXPECT_GT(tally.faults[static_cast<size_t>(Kind::kElements)], 20u);
}

}  // namespace
}  // namespace turnout::support

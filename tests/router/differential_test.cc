// The Matcher against the PlainMatcher, seed by seed; and that the two are worth comparing.
#include "tests/support/differential.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "router/document.h"
#include "router/pattern.h"
#include "tests/support/choices.h"
#include "tests/support/plain_matcher.h"
#include "tests/support/random_case.h"
#include "tests/support/random_event.h"
#include "tests/support/random_operators.h"
#include "tests/support/random_pattern.h"
#include "tests/support/vocabulary.h"

// Where a block of memory was taken from costs a third of the time of many small cases.
extern "C" const char* __asan_default_options() { return "malloc_context_size=2"; }

namespace turnout::support {
namespace {

constexpr uint64_t kSeeds = 5000;
constexpr size_t kDifferencesShown = 3;

uint64_t SeedCount() {
  const char* const wanted = std::getenv("TURNOUT_DIFF_SEEDS");
  return wanted == nullptr ? kSeeds : std::strtoull(wanted, nullptr, 10);
}

RandomCase CaseOf(uint64_t seed) {
  Choices choices(seed);
  return MakeRandomCase(CaseScope(), &choices);
}

TEST(Differential, TheMatcherAgreesWithThePlainMatcher) {
  DifferentialTally tally;
  size_t differences = 0;
  const uint64_t seeds = SeedCount();
  for (uint64_t seed = 0; seed < seeds && differences < kDifferencesShown; ++seed) {
    const std::string difference = DifferenceOf(CaseOf(seed), &tally);
    if (difference.empty()) continue;
    ++differences;
    ADD_FAILURE() << "seed " << seed << ": " << difference;
  }
  std::printf("%llu records, %llu answers, %llu matches, %llu patterns and %llu events refused\n",
              static_cast<unsigned long long>(tally.records),
              static_cast<unsigned long long>(tally.answers),
              static_cast<unsigned long long>(tally.matches),
              static_cast<unsigned long long>(tally.refused_patterns),
              static_cast<unsigned long long>(tally.refused_events));
  if (differences != 0 || seeds < kSeeds) return;
  // Agreement says something only where both answers are frequent.
  EXPECT_GT(tally.records, seeds * 2);
  EXPECT_GT(tally.matches, tally.answers / 20);
  EXPECT_LT(tally.matches, tally.answers / 2);
  EXPECT_GT(tally.refused_events, tally.records / 50);
  EXPECT_LT(tally.refused_events, tally.records / 8);
  EXPECT_LT(tally.refused_patterns, tally.answers / 50);
  EXPECT_LT(tally.undecided, tally.answers / 10000);
}

// Nothing but two keys, two values and absence: what is left to differ in is which elements of
// which arrays go together.
RandomCase ArraysOf(uint64_t seed) {
  static const std::vector<std::string>* const lists =
      new std::vector<std::string>{"[1]", "[\"x\"]", R"([{"exists":false}])",
                                   R"([1,{"exists":false}])", R"(["x",{"exists":false}])"};
  Vocabulary words;
  words.keys = {"a", "b"};
  words.texts = {"x"};
  words.numbers = {"1"};
  Choices choices(seed);
  RandomCase made;
  std::vector<Wish> wishes;
  for (size_t rules = choices.Between(2, 8); rules > 0; --rules) {
    std::string pattern = "{";
    for (size_t fields = choices.Between(2, 5); fields > 0; --fields) {
      Wish wish;
      std::string name;
      for (size_t steps = choices.Between(1, 3); steps > 0; --steps) {
        wish.path.push_back(steps == 1 ? choices.Of(words.keys) : "a");
        name += (name.empty() ? "" : ".") + wish.path.back();
      }
      const std::string& list = choices.Of(*lists);
      wish.value = list[1] == '1' ? "1" : "\"x\"";
      if (choices.OneIn(2)) wishes.push_back(wish);
      pattern += (pattern.size() > 1 ? ",\"" : "\"") + name + "\":" + list;
    }
    made.patterns.push_back(pattern + "}");
  }
  if (wishes.size() > 8) wishes.resize(8);
  made.records.emplace_back().value = EventMaker(words, &choices).Make(wishes);
  return made;
}

TEST(Differential, ElementsOfArraysAreChosenAsThePlainMatcherDoes) {
  DifferentialTally tally;
  const uint64_t seeds = SeedCount();
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    const std::string difference = DifferenceOf(ArraysOf(seed), &tally);
    ASSERT_EQ(difference, "") << "seed " << seed;
  }
  EXPECT_GT(tally.matches, tally.answers / 20);
  EXPECT_LT(tally.matches, tally.answers / 2);
  EXPECT_LT(tally.undecided, tally.answers / 1000);
}

// An operator that never matches, or always, is not tested by a thousand cases of it.
TEST(Differential, EveryOperatorOfTheGeneratorMatchesAndFails) {
  for (const OperatorMaker& maker : OperatorMakers()) {
    size_t matched = 0;
    size_t failed = 0;
    for (uint64_t seed = 0; seed < 300; ++seed) {
      Choices choices(seed);
      const Vocabulary words = PickVocabulary(&choices);
      const RandomEntry entry = maker.make(words, &choices);
      std::vector<router::Problem> problems;
      const std::optional<router::Node> node =
          router::ParseJson("{\"a\":[" + entry.json + "]}", &problems);
      ASSERT_TRUE(node) << entry.json;
      const auto pattern = router::CompilePattern(*node, router::PatternLimits(), &problems);
      if (!pattern) continue;
      const PlainMatcher plain({*pattern}, {});
      for (const std::string& value : {entry.example, SpellScalar(words, &choices)}) {
        const std::string text = value.empty() ? "{}" : "{\"a\":" + value + "}";
        router::Event event;
        event.value = text;
        const PlainMatcher::Answer answer = plain.Match(event);
        ASSERT_TRUE(answer.status.ok()) << text;
        ++(answer.matches.empty() ? failed : matched);
      }
    }
    EXPECT_GT(matched, 60u) << maker.name;
    const bool takes_all = std::string(maker.name) == "exists";
    EXPECT_TRUE(takes_all || failed > 30) << maker.name;
  }
}

TEST(Differential, BytesSteerACaseAndMayRunOut) {
  const auto made_of = [](std::string_view bytes) {
    Choices choices(bytes);
    return MakeRandomCase(CaseScope(), &choices);
  };
  EXPECT_FALSE(made_of("").patterns.empty());
  EXPECT_EQ(made_of("abc").patterns, made_of("abc").patterns);
  std::map<std::vector<std::string>, int> different;
  for (char c = 'a'; c <= 'z'; ++c) ++different[made_of(std::string(8, c)).patterns];
  EXPECT_GT(different.size(), 2u);
}

}  // namespace
}  // namespace turnout::support

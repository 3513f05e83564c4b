// The EventShaper against the PlainShaper, seed by seed; and that the two are worth comparing.
#include "tests/support/shape_differential.h"

#include <cstdio>
#include <cstdlib>

#include "gtest/gtest.h"

namespace turnout::support {
namespace {

constexpr uint64_t kSeeds = 20'000;
constexpr int kDifferencesShown = 3;

TEST(ShapeDifferential, TheShaperAgreesWithThePlainShaper) {
  const char* const wanted = std::getenv("TURNOUT_DIFF_SEEDS");
  const uint64_t seeds = wanted == nullptr ? kSeeds : std::strtoull(wanted, nullptr, 10);
  ShapeTally tally;
  int differences = 0;
  for (uint64_t seed = 0; seed < seeds && differences < kDifferencesShown; ++seed) {
    Choices choices(seed);
    const std::string difference = ShapeDifferenceOf(&choices, &tally);
    if (difference.empty()) continue;
    ++differences;
    ADD_FAILURE() << "seed " << seed << ": " << difference;
  }
  std::printf("%llu shaped, %llu of them to the same, %llu rejected, %llu shapes refused\n",
              static_cast<unsigned long long>(tally.shaped),
              static_cast<unsigned long long>(tally.unchanged),
              static_cast<unsigned long long>(tally.rejected),
              static_cast<unsigned long long>(tally.refused_shapes));
  if (differences != 0 || seeds < kSeeds) return;
  EXPECT_GT(tally.shaped, seeds / 3);
  EXPECT_LT(tally.unchanged, tally.shaped / 4);
  EXPECT_GT(tally.rejected, seeds / 100);
}

}  // namespace
}  // namespace turnout::support

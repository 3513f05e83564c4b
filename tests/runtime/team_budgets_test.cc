#include "runtime/team_budgets.h"

#include "gtest/gtest.h"
#include "tests/support/simulated_clock.h"

namespace turnout::runtime {
namespace {

TEST(TeamBudgetsTest, ATeamHasWhatASecondAllowsAndThenWhatTimeBrings) {
  support::SimulatedClock clock;
  TeamBudgets budgets(1'000, &clock);
  budgets.Take("a", 999);
  EXPECT_TRUE(budgets.HasAny("a"));
  budgets.Take("a", 501);  // a record is never cut: the bucket is behind by 500
  EXPECT_FALSE(budgets.HasAny("a"));
  EXPECT_TRUE(budgets.HasAny("b"));
  clock.Advance(absl::Milliseconds(500));
  EXPECT_FALSE(budgets.HasAny("a"));
  clock.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(budgets.HasAny("a"));
  EXPECT_FALSE(budgets.HasHalf("a"));
  clock.Advance(absl::Milliseconds(500));
  EXPECT_TRUE(budgets.HasHalf("a"));
}

TEST(TeamBudgetsTest, SavesNoMoreThanASecond) {
  support::SimulatedClock clock;
  TeamBudgets budgets(1'000, &clock);
  budgets.Take("a", 0);
  clock.Advance(absl::Hours(1));
  budgets.Take("a", 1'000);
  EXPECT_FALSE(budgets.HasAny("a"));
}

TEST(TeamBudgetsTest, WithoutALimitThereIsAlwaysRoom) {
  support::SimulatedClock clock;
  TeamBudgets budgets(0, &clock);
  budgets.Take("a", 1'000'000'000);
  EXPECT_TRUE(budgets.HasAny("a"));
  EXPECT_TRUE(budgets.HasHalf("a"));
}

}  // namespace
}  // namespace turnout::runtime

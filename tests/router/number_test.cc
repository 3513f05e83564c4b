#include "router/number.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace turnout::router {
namespace {

TEST(Number, EqualValuesHaveEqualDoublesHoweverSpelled) {
  for (const char* spelling : {"300", "300.0", "3e2", "3E+2", "0.3e3", "30000e-2", "3.00e002"}) {
    EXPECT_EQ(ComparableNumber(spelling), 300.0) << spelling;
  }
  for (const char* spelling : {"0", "-0", "0.0", "-0.0e5", "0e400", "0.000"}) {
    ASSERT_TRUE(ComparableNumber(spelling)) << spelling;
    EXPECT_EQ(*ComparableNumber(spelling), 0.0) << spelling;
    EXPECT_FALSE(std::signbit(*ComparableNumber(spelling))) << spelling;
  }
}

TEST(Number, TheEdgesOfADoubleCompare) {
  EXPECT_EQ(ComparableNumber("1.7976931348623157e308"), std::numeric_limits<double>::max());
  EXPECT_EQ(ComparableNumber("-2.2250738585072014E-308"), -std::numeric_limits<double>::min());
  EXPECT_EQ(ComparableNumber("4.9e-324"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(ComparableNumber("9007199254740992"), 9007199254740992.0);
  EXPECT_EQ(ComparableNumber("0.1"), 0.1);
  EXPECT_EQ(ComparableNumber("0.30000000000000004"), 0.1 + 0.2);
  EXPECT_EQ(ComparableNumber("100000000000000000000000"), 1e23);
}

TEST(Number, NumbersThatNoDoubleStandsForDoNot) {
  for (const char* spelling :
       {"9007199254740993", "1e309", "-1e309", "1e-325", "5e-324", "1.7976931348623158e308",
        "0.1000000000000000055511151231257827", "12345678901234567890", "1e999999999999",
        "1e-999999999999", "0.30000000000000001", "123456789012345678"}) {
    EXPECT_FALSE(ComparableNumber(spelling)) << spelling;
  }
}

}  // namespace
}  // namespace turnout::router

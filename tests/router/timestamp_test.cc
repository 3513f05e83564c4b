#include "router/timestamp.h"

#include <string>

#include "gtest/gtest.h"

namespace turnout::router {
namespace {

TEST(Timestamp, AnInstantIsSecondsAndNanosecondsSince1970) {
  const struct {
    const char* text;
    int64_t seconds;
    int32_t nanoseconds;
  } cases[] = {
      {"1970-01-01T00:00:00Z", 0, 0},
      {"1970-01-01", 0, 0},
      {"1969-12-31T23:59:59.999999999Z", -1, 999999999},
      {"2026-01-01T00:00:00Z", 1767225600, 0},
      {"2026-01-01T00:00:00+02:00", 1767218400, 0},
      {"2026-01-01T00:00:00-05:30", 1767245400, 0},
      {"2026-01-01T00:00:00-00:00", 1767225600, 0},
      {"2026-01-01t00:00:00z", 1767225600, 0},
      {"2026-01-01T00:00:00.5Z", 1767225600, 500000000},
      {"2026-01-01T00:00:00.000000001Z", 1767225600, 1},
      {"2026-01-01T00:00:00.120+01:00", 1767222000, 120000000},
      {"2000-02-29T12:00:00Z", 951825600, 0},
      {"2024-02-29", 1709164800, 0},
      {"2024-03-01", 1709251200, 0},
      {"2100-03-01", 4107542400, 0},
      {"1900-03-01", -2203891200, 0},
      {"9999-12-31T23:59:59Z", 253402300799, 0},
      {"0000-01-01", -62167219200, 0},
      {"0000-03-01", -62162035200, 0},
      {"0001-01-01T00:00:00Z", -62135596800, 0},
      {"0000-01-01T00:00:00+23:59", -62167305540, 0},
      // A leap second is the second after it.
      {"2016-12-31T23:59:60Z", 1483228800, 0},
      {"2016-12-31T23:59:60.25Z", 1483228800, 250000000},
      {"2017-01-01T00:59:60+01:00", 1483228800, 0},
      {"2016-12-31T15:59:60-08:00", 1483228800, 0},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.text);
    const std::optional<Timestamp> timestamp = ParseTimestamp(test.text);
    ASSERT_TRUE(timestamp.has_value());
    EXPECT_EQ(timestamp->seconds, test.seconds);
    EXPECT_EQ(timestamp->nanoseconds, test.nanoseconds);
  }
}

TEST(Timestamp, EveryDayFollowsTheOneBefore) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t expected = -62167219200;
  for (int year = 0; year <= 9999; ++year) {
    const bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
    for (int month = 1; month <= 12; ++month) {
      const int days = kDays[month - 1] + (month == 2 && leap ? 1 : 0);
      for (int day = 1; day <= 32; ++day) {
        char text[16];
        std::snprintf(text, sizeof(text), "%04d-%02d-%02d", year, month, day);
        const std::optional<Timestamp> timestamp = ParseTimestamp(text);
        ASSERT_EQ(timestamp.has_value(), day <= days) << text;
        if (!timestamp) continue;
        ASSERT_EQ(timestamp->seconds, expected) << text;
        expected += 86400;
      }
    }
  }
}

TEST(Timestamp, OtherTextsAreNone) {
  for (const char* text : {
           "",
           "2026",
           "2026-01",
           "2026-1-1",
           "2026-00-01",
           "2026-13-01",
           "2026-01-00",
           "2026-01-32",
           "2026-02-29",
           "1900-02-29",
           "2100-02-29",
           "2023-04-31",
           "20260101",
           "2026/01/01",
           "+2026-01-01",
           "-2026-01-01",
           "12026-01-01",
           " 2026-01-01",
           "2026-01-01 ",
           "2026-01-01Z",
           "2026-01-01T",
           "2026-01-01T00",
           "2026-01-01T00:00",
           "2026-01-01T00:00Z",
           "2026-01-01T00:00:00",
           "2026-01-01 00:00:00Z",
           "2026-01-01T24:00:00Z",
           "2026-01-01T00:60:00Z",
           "2026-01-01T00:00:61Z",
           "2026-01-01T00:00:60Z",
           "2026-01-01T23:59:60+01:00",
           "2026-01-01T00:00:00.Z",
           "2026-01-01T00:00:00,5Z",
           "2026-01-01T00:00:00.0000000001Z",
           "2026-01-01T00:00:00.5",
           "2026-01-01T00:00:00+0200",
           "2026-01-01T00:00:00+02",
           "2026-01-01T00:00:00+24:00",
           "2026-01-01T00:00:00+02:60",
           "2026-01-01T00:00:00+2:00",
           "2026-01-01T00:00:00ZZ",
           "2026-01-01T00:00:00Z+02:00",
           "2026-01-01T00:00:00Z ",
           "2026-W01-1",
           "2026-001",
           "2026-01-01T0a:00:00Z",
           "1767225600",
           "x",
       }) {
    EXPECT_FALSE(ParseTimestamp(text).has_value()) << text;
  }
  EXPECT_FALSE(ParseTimestamp(std::string("2026-01-01\0", 11)).has_value());
}

TEST(Timestamp, NeighboursAreANanosecondAway) {
  const Timestamp second{7, 0};
  EXPECT_EQ(second.Previous().seconds, 6);
  EXPECT_EQ(second.Previous().nanoseconds, 999999999);
  EXPECT_EQ(second.Previous().Next().seconds, 7);
  EXPECT_EQ(second.Previous().Next().nanoseconds, 0);
  EXPECT_EQ(second.Next().nanoseconds, 1);
  EXPECT_EQ(second.Next().Previous().nanoseconds, 0);
  EXPECT_TRUE(second.Previous() <= second);
  EXPECT_TRUE(second <= second);
  EXPECT_FALSE(second.Next() <= second);
}

}  // namespace
}  // namespace turnout::router

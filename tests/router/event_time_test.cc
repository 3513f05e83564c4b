#include "router/event_time.h"

#include <limits>
#include <optional>
#include <string_view>

#include "gtest/gtest.h"
#include "state/task_state.h"

namespace turnout::router {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
const StateSettings kSettings = {.lateness_ms = 100, .ahead_ms_max = 1000};

TEST(EventTime, OfAFieldIsATextOrANumber) {
  const auto number = [](std::string_view text) { return TimeOfField(ValueKind::kNumber, text); };
  const auto string = [](std::string_view text) { return TimeOfField(ValueKind::kString, text); };
  EXPECT_EQ(number("0"), 0);
  EXPECT_EQ(number("1.9999"), 1999);
  EXPECT_EQ(number("99999999999"), 99'999'999'999'000);
  EXPECT_EQ(number("100000000000"), 100'000'000'000);
  EXPECT_EQ(number("1700000000000.9"), 1'700'000'000'000);
  EXPECT_EQ(number("253402300799999"), kEventTimeMsMax);
  EXPECT_FALSE(number("253402300800000").has_value());
  EXPECT_FALSE(number("1e999").has_value());
  EXPECT_LT(*number("-0.001"), 0);
  EXPECT_LT(*number("-1e300"), 0);
  EXPECT_EQ(string("1970-01-01T00:00:01.0019Z"), 1001);
  EXPECT_EQ(string("1969-12-31T23:59:59.9989Z"), -2);
  EXPECT_EQ(string("9999-12-31T23:59:59.999Z"), kEventTimeMsMax);
  EXPECT_FALSE(string("1700000000").has_value());
  EXPECT_FALSE(TimeOfField(ValueKind::kTrue, "true").has_value());
  EXPECT_FALSE(TimeOfField(ValueKind::kNull, {}).has_value());
}

TEST(EventTime, IsTheRecordsOrTheFields) {
  struct Case {
    int64_t record_ms;
    std::optional<int64_t> field_ms;
    int64_t watermark_ms;
    int64_t expected_ms;
  };
  const Case cases[] = {
      // No watermark yet: as it is said, and 0 where nothing is.
      {5000, std::nullopt, state::kNoWatermark, 5000},
      {-1, std::nullopt, state::kNoWatermark, 0},
      {kMin, std::nullopt, state::kNoWatermark, 0},
      {kMax, std::nullopt, state::kNoWatermark, 0},
      {kEventTimeMsMax, std::nullopt, state::kNoWatermark, kEventTimeMsMax},
      {5000, 4000, state::kNoWatermark, 4000},
      {5000, 6000, state::kNoWatermark, 6000},
      {5000, 6001, state::kNoWatermark, 5000},
      {5000, -1, state::kNoWatermark, 0},
      // A record without a time does not bound what the field says.
      {-1, 6001, state::kNoWatermark, 6001},
      // At most so far beyond the newest event, which is 100 before the watermark.
      {5000, std::nullopt, 4900, 5000},
      {6000, std::nullopt, 4900, 6000},
      {6001, std::nullopt, 4900, 6000},
      {0, std::nullopt, 4900, 0},
      {-1, std::nullopt, 4900, 5000},
      {kMax, std::nullopt, 4900, 5000},
      {9000, 7000, 4900, 6000},
      {-1, std::nullopt, -100, 0},
      // Whatever a watermark is, a time is one.
      {0, std::nullopt, kMax, 0},
      {kMax, std::nullopt, kMax, kEventTimeMsMax},
      {5000, std::nullopt, kMin + 1, 0},
  };
  for (const Case& given : cases) {
    EXPECT_EQ(EventTime(given.record_ms, given.field_ms, kSettings, given.watermark_ms),
              given.expected_ms)
        << given.record_ms << " " << given.field_ms.value_or(-7) << " " << given.watermark_ms;
  }
}

}  // namespace
}  // namespace turnout::router

// Timestamp: an instant, read from a text in the form of RFC 3339.
//
// `2026-01-01T12:30:00.5+02:00`: date, `T`, time to the second, a fraction of one to nine digits if
// need be, and `Z` or an offset; `t` and `z` may be small. A date alone is its midnight in UTC.
// Dates are those of the Gregorian calendar, years 0000 to 9999. A leap second, 23:59:60 in UTC, is
// taken on any day and is the same instant as the second after it, as in POSIX time. Everything
// else (a time without offset or seconds, a blank for the `T`, 24:00:00) is no timestamp.
//
// Units: seconds and nanoseconds since 1970-01-01T00:00:00Z.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace turnout::router {

struct Timestamp {
  int64_t seconds = 0;
  int32_t nanoseconds = 0;  // 0 to 999,999,999, also before 1970

  static constexpr Timestamp Min() { return {std::numeric_limits<int64_t>::min(), 0}; }
  static constexpr Timestamp Max() { return {std::numeric_limits<int64_t>::max(), 999999999}; }

  // The neighbouring instants; not to be asked of Min and Max themselves.
  Timestamp Next() const;
  Timestamp Previous() const;

  bool operator<=(const Timestamp& other) const {
    return seconds < other.seconds ||
           (seconds == other.seconds && nanoseconds <= other.nanoseconds);
  }
};

std::optional<Timestamp> ParseTimestamp(std::string_view text);

}  // namespace turnout::router

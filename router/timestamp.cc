#include "router/timestamp.h"

#include <cstddef>

namespace turnout::router {
namespace {

constexpr int32_t kNanosecondsPerSecond = 1000000000;
constexpr int64_t kSecondsPerDay = 86400;
constexpr size_t kFractionDigitsMax = 9;

// Takes pieces off the front of a text; each function is false, and the text spoilt, when there is
// something else.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool empty() const { return rest_.empty(); }

  // Exactly `count` digits whose number is within the bounds.
  bool Digits(size_t count, int min, int max, int* number) {
    if (rest_.size() < count) return false;
    *number = 0;
    for (size_t i = 0; i < count; ++i) {
      if (!IsDigit(rest_[i])) return false;
      *number = *number * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return *number >= min && *number <= max;
  }

  // One of two characters; the one there was is left in `found`.
  bool OneOf(char a, char b, char* found) {
    if (rest_.empty() || (rest_[0] != a && rest_[0] != b)) return false;
    *found = rest_[0];
    rest_.remove_prefix(1);
    return true;
  }

  bool Only(char c) { return OneOf(c, c, &c); }

  // As many digits as there are, one to nine, as a fraction of a second.
  bool Fraction(int32_t* nanoseconds) {
    size_t count = 0;
    *nanoseconds = 0;
    for (; count < rest_.size() && IsDigit(rest_[count]); ++count) {
      if (count == kFractionDigitsMax) return false;
      *nanoseconds = *nanoseconds * 10 + (rest_[count] - '0');
    }
    rest_.remove_prefix(count);
    for (size_t i = count; i < kFractionDigitsMax; ++i) *nanoseconds *= 10;
    return count > 0;
  }

 private:
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }

  std::string_view rest_;
};

bool IsLeapYear(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DaysOfMonth(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeapYear(year) ? 29 : kDays[month - 1];
}

// Days from 1970-01-01. Years are counted from March, so that a leap day ends its year.
int64_t DaysSinceEpoch(int year, int month, int day) {
  constexpr int64_t kDaysToEpoch = 719468;  // from 0000-03-01
  const int march_month = (month + 9) % 12;
  const int64_t march_year = month > 2 ? year : year - 1;
  // Rounded down, for the two months before 0000-03-01.
  const int64_t leap_days =
      march_year < 0 ? -1 : march_year / 4 - march_year / 100 + march_year / 400;
  const int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
  return march_year * 365 + leap_days + day_of_year - kDaysToEpoch;
}

bool ReadDate(Cursor* cursor, int64_t* days) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (!cursor->Digits(4, 0, 9999, &year) || !cursor->Only('-')) return false;
  if (!cursor->Digits(2, 1, 12, &month) || !cursor->Only('-')) return false;
  if (!cursor->Digits(2, 1, DaysOfMonth(year, month), &day)) return false;
  *days = DaysSinceEpoch(year, month, day);
  return true;
}

// The offset from UTC in seconds.
bool ReadOffset(Cursor* cursor, int64_t* offset) {
  *offset = 0;
  char sign = '+';
  if (cursor->OneOf('Z', 'z', &sign)) return true;
  int hours = 0;
  int minutes = 0;
  if (!cursor->OneOf('+', '-', &sign) || !cursor->Digits(2, 0, 23, &hours)) return false;
  if (!cursor->Only(':') || !cursor->Digits(2, 0, 59, &minutes)) return false;
  *offset = (hours * 60 + minutes) * 60;
  if (sign == '-') *offset = -*offset;
  return true;
}

}  // namespace

Timestamp Timestamp::Next() const {
  if (nanoseconds + 1 < kNanosecondsPerSecond) return {seconds, nanoseconds + 1};
  return {seconds + 1, 0};
}

Timestamp Timestamp::Previous() const {
  if (nanoseconds > 0) return {seconds, nanoseconds - 1};
  return {seconds - 1, kNanosecondsPerSecond - 1};
}

std::optional<Timestamp> ParseTimestamp(std::string_view text) {
  Cursor cursor(text);
  int64_t days = 0;
  if (!ReadDate(&cursor, &days)) return std::nullopt;
  Timestamp timestamp{days * kSecondsPerDay, 0};
  if (cursor.empty()) return timestamp;

  char found = 0;
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
  int64_t offset = 0;
  if (!cursor.OneOf('T', 't', &found) || !cursor.Digits(2, 0, 23, &hours)) return std::nullopt;
  if (!cursor.Only(':') || !cursor.Digits(2, 0, 59, &minutes)) return std::nullopt;
  if (!cursor.Only(':') || !cursor.Digits(2, 0, 60, &seconds)) return std::nullopt;
  if (cursor.Only('.') && !cursor.Fraction(&timestamp.nanoseconds)) return std::nullopt;
  if (!ReadOffset(&cursor, &offset) || !cursor.empty()) return std::nullopt;
  timestamp.seconds += (hours * 60 + minutes) * 60 + seconds - offset;
  // A second 60 has become the first one of the next minute, which has to begin a day.
  if (seconds == 60 && timestamp.seconds % kSecondsPerDay != 0) return std::nullopt;
  return timestamp;
}

}  // namespace turnout::router

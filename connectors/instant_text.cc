#include "connectors/instant_text.h"

#include <algorithm>

#include "absl/time/civil_time.h"

namespace turnout::connectors {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z

char* PutDigits(int64_t value, int digits, char* at) {
  for (int i = digits; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
  return at + digits;
}

char* PutDay(const absl::CivilSecond& time, char* at) {
  at = PutDigits(time.year(), 4, at);
  *at++ = '-';
  at = PutDigits(time.month(), 2, at);
  *at++ = '-';
  return PutDigits(time.day(), 2, at);
}

char* PutTime(const absl::CivilSecond& time, int nanoseconds, char* at) {
  at = PutDigits(time.hour(), 2, at);
  *at++ = ':';
  at = PutDigits(time.minute(), 2, at);
  *at++ = ':';
  at = PutDigits(time.second(), 2, at);
  return PutFraction(nanoseconds, at);
}

absl::CivilSecond CivilOf(int64_t seconds) { return absl::CivilSecond(1970) + seconds; }

std::string_view Until(const InstantText* text, const char* end) {
  return std::string_view(text->bytes, static_cast<size_t>(end - text->bytes));
}

}  // namespace

char* PutFraction(int nanoseconds, char* at) {
  if (nanoseconds == 0) return at;
  *at++ = '.';
  if (nanoseconds % 1'000'000 == 0) return PutDigits(nanoseconds / 1'000'000, 3, at);
  if (nanoseconds % 1'000 == 0) return PutDigits(nanoseconds / 1'000, 6, at);
  return PutDigits(nanoseconds, 9, at);
}

std::string_view DayText(int64_t days, InstantText* text) {
  if (days < kFirstSecond / kSecondsPerDay || days > kLastSecond / kSecondsPerDay) return {};
  return Until(text, PutDay(CivilOf(days * kSecondsPerDay), text->bytes));
}

std::string_view SecondText(int64_t seconds, int nanoseconds, std::string_view suffix,
                            InstantText* text) {
  if (seconds < kFirstSecond || seconds > kLastSecond) return {};
  const absl::CivilSecond time = CivilOf(seconds);
  char* at = PutDay(time, text->bytes);
  *at++ = 'T';
  at = PutTime(time, nanoseconds, at);
  at = std::copy(suffix.begin(), suffix.end(), at);
  return Until(text, at);
}

std::string_view TimeOfDayText(int64_t seconds, int nanoseconds, InstantText* text) {
  if (seconds < 0 || seconds >= kSecondsPerDay) return {};
  return Until(text, PutTime(CivilOf(seconds), nanoseconds, text->bytes));
}

}  // namespace turnout::connectors

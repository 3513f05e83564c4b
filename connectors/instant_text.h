// Days, instants and times of day as RFC 3339 spells them, for values that Avro and Protobuf keep
// as numbers.
//
// Internal to connectors/. A fraction of a second is written with 3, 6 or 9 digits, as few as hold
// it, or not at all, as Protobuf's JSON has it. What lies outside of the years 1 to 9999 has no
// such text.
//
// Units: seconds and days since the Unix epoch; nanoseconds are 0 to 999,999,999.
#pragma once

#include <cstdint>
#include <string_view>

namespace turnout::connectors {

// Room for one text, and the views of it that the functions return.
struct InstantText {
  char bytes[40];
};

// Each returns a view of `text`; empty where the years don't reach.
// 2026-11-26
std::string_view DayText(int64_t days, InstantText* text);
// 2026-11-26T17:55:00.250, and `suffix` behind it ("Z", or nothing for a local time).
std::string_view SecondText(int64_t seconds, int nanoseconds, std::string_view suffix,
                            InstantText* text);
// 17:55:00.250; empty for what is not within a day.
std::string_view TimeOfDayText(int64_t seconds, int nanoseconds, InstantText* text);

// The digits of a fraction with its point, behind `at`; returns what follows.
char* PutFraction(int nanoseconds, char* at);

}  // namespace turnout::connectors

// EventTime: when an event happened, and how it moves its task's time on.
//
// The record's timestamp says when, or a field of the event: a text in the form of RFC 3339, or a
// number, of seconds since the epoch below 1e11 and of milliseconds from there on. A task's
// watermark lies `lateness_ms` behind the newest event; one event moves it by `ahead_ms_max` at
// most, so that a stray date expires nobody's state. What has no time of its own counts as now.
//
// Units: milliseconds since the epoch. No clock is read. Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "router/state_settings.h"
#include "router/value.h"

namespace turnout::router {

// The end of the year 9999. What says to be later has no time.
inline constexpr int64_t kEventTimeMsMax = 253'402'300'799'999;

// What a field says, rounded down; nothing if it is no time. Negative before 1970.
std::optional<int64_t> TimeOfField(ValueKind kind, std::string_view text);

// The event's time, from 0 to kEventTimeMsMax, by the task's watermark before it.
int64_t EventTime(int64_t record_ms, std::optional<int64_t> field_ms, const StateSettings& settings,
                  int64_t watermark_ms);

}  // namespace turnout::router

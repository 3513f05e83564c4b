#include "router/event_time.h"

#include <algorithm>
#include <cmath>

#include "router/number.h"
#include "router/timestamp.h"
#include "state/task_state.h"

namespace turnout::router {
namespace {

constexpr double kMillisecondsFrom = 1e11;
constexpr int64_t kNanosecondsAMillisecond = 1'000'000;

bool IsTime(int64_t ms) { return ms >= 0 && ms <= kEventTimeMsMax; }

}  // namespace

std::optional<int64_t> TimeOfField(ValueKind kind, std::string_view text) {
  if (kind == ValueKind::kString) {
    const std::optional<Timestamp> time = ParseTimestamp(text);
    if (!time) return std::nullopt;
    return time->seconds * 1000 + time->nanoseconds / kNanosecondsAMillisecond;
  }
  if (kind != ValueKind::kNumber) return std::nullopt;
  bool exact = false;
  const double number = NearestNumber(text, &exact);
  const double ms = std::floor(number >= kMillisecondsFrom ? number : number * 1000);
  // Comparisons that a NaN fails too.
  if (!(ms <= static_cast<double>(kEventTimeMsMax))) return std::nullopt;
  return ms < 0 ? -1 : static_cast<int64_t>(ms);
}

int64_t EventTime(int64_t record_ms, std::optional<int64_t> field_ms, const StateSettings& settings,
                  int64_t watermark_ms) {
  int64_t time = record_ms;
  if (field_ms && (!IsTime(record_ms) || *field_ms - record_ms <= settings.ahead_ms_max)) {
    time = *field_ms;
  }
  if (watermark_ms == state::kNoWatermark) return IsTime(time) ? time : 0;
  const int64_t watermark = std::clamp(watermark_ms, -kEventTimeMsMax, kEventTimeMsMax);
  const int64_t now = watermark + settings.lateness_ms;
  if (!IsTime(time)) time = now;
  return std::clamp<int64_t>(std::min(time, now + settings.ahead_ms_max), 0, kEventTimeMsMax);
}

}  // namespace turnout::router

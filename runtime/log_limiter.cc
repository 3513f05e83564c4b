#include "runtime/log_limiter.h"

#include <algorithm>

namespace turnout::runtime {
namespace {

constexpr absl::Duration kPeriod = absl::Seconds(1);

}  // namespace

bool LogLimiter::Admit(std::string_view event, LogLevel level, absl::Time now) {
  std::string name(event);
  if (kinds_.size() >= kKindsMax && !kinds_.contains(name)) name = "(others)";
  Kind& kind = kinds_[name];
  // A clock that was set back begins a new second too.
  const bool over = now >= kind.begin + kPeriod || now < kind.begin;
  if (over && kind.dropped == 0) kind = Kind{.begin = now};
  if (kind.shown < lines_max_ && kind.dropped == 0) {
    ++kind.shown;
    return true;
  }
  ++kind.dropped;
  kind.level = std::max(kind.level, level);
  pending_ = true;
  return false;
}

std::vector<LogLimiter::Dropped> LogLimiter::Over(absl::Time now) {
  std::vector<Dropped> dropped;
  if (!pending_) return dropped;
  pending_ = false;
  for (auto& [name, kind] : kinds_) {
    if (kind.dropped == 0) continue;
    if (now < kind.begin + kPeriod && now >= kind.begin) {
      pending_ = true;
      continue;
    }
    dropped.push_back({.event = name, .level = kind.level, .lines = kind.dropped});
    kind = Kind{};
  }
  std::sort(dropped.begin(), dropped.end(),
            [](const Dropped& a, const Dropped& b) { return a.event < b.event; });
  return dropped;
}

}  // namespace turnout::runtime

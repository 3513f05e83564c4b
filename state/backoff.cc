#include "state/backoff.h"

#include <algorithm>

namespace turnout::state {

Backoff::Backoff(const TimeAndChance* time, const BackoffLimits& limits)
    : time_(time),
      limits_(limits),
      deadline_(time->now() + limits.deadline),
      next_(std::min(limits.wait_min, limits.wait_max)) {}

bool Backoff::Wait() {
  // 53 bits are what a double holds.
  const double chance = static_cast<double>(time_->random() >> 11) / 9007199254740992.0;
  const absl::Duration wait = next_ * (0.5 + chance / 2);
  if (wait >= Remaining()) return false;
  time_->sleep(wait);
  next_ = std::min(next_ * 2, limits_.wait_max);
  ++waits_;
  return true;
}

absl::Duration Backoff::Remaining() const {
  return std::max(deadline_ - time_->now(), absl::ZeroDuration());
}

}  // namespace turnout::state

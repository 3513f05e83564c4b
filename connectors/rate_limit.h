// RateLimit: a bound on how many of something happen a second, evenly: what was not used is good
// for a tenth of a second, no longer.
//
// Units: times are handed in. Threads: one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace turnout::connectors {

class RateLimit {
 public:
  // 0: no bound.
  explicit RateLimit(int64_t per_second_max)
      : per_second_(static_cast<double>(per_second_max)),
        saved_max_(std::max(1.0, per_second_ / 10)) {}

  // How many may happen now.
  size_t Available(absl::Time now) {
    if (per_second_ <= 0) return std::numeric_limits<size_t>::max();
    if (last_ != absl::InfinitePast()) {
      const double elapsed_s = absl::ToDoubleSeconds(now - last_);
      saved_ = std::min(saved_max_, saved_ + std::max(0.0, elapsed_s) * per_second_);
    }
    last_ = now;
    return static_cast<size_t>(saved_);
  }

  void Spend(size_t count) {
    if (per_second_ > 0) saved_ -= static_cast<double>(count);
  }

  // Until one may.
  absl::Duration WaitTime(absl::Time now) {
    if (Available(now) > 0) return absl::ZeroDuration();
    return absl::Seconds((1 - saved_) / per_second_) + absl::Milliseconds(1);
  }

 private:
  const double per_second_;
  const double saved_max_;
  double saved_ = 1;
  absl::Time last_ = absl::InfinitePast();
};

}  // namespace turnout::connectors

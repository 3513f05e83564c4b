// Backoff: how long a caller that failed waits before it tries again, and when it gives up.
//
// The n-th wait is drawn evenly from half of to all of `wait_min` doubled n times, at most
// `wait_max`: callers that failed together do not come back together.
// Threads: one.
#pragma once

#include "absl/time/time.h"
#include "state/time_and_chance.h"

namespace turnout::state {

struct BackoffLimits {
  absl::Duration wait_min = absl::Milliseconds(100);
  absl::Duration wait_max = absl::Seconds(10);
  absl::Duration deadline = absl::Minutes(2);  // from when the Backoff was made
};

class Backoff {
 public:
  Backoff(const TimeAndChance* time, const BackoffLimits& limits);

  // Waits, and answers true; or false at once if the deadline would pass meanwhile.
  bool Wait();

  // Until the deadline; not below zero.
  absl::Duration Remaining() const;

  int waits() const { return waits_; }

 private:
  const TimeAndChance* const time_;
  const BackoffLimits limits_;
  const absl::Time deadline_;
  absl::Duration next_;
  int waits_ = 0;
};

}  // namespace turnout::state

// SteadyNow and AwaitSteadily: time for deadlines and pauses, which goes on evenly when the
// machine's clock is set.
//
// SteadyNow begins as the time of day when it is first asked, and has nothing to do with it later:
// what is shown to people, or compared with times of elsewhere, is absl::Now(). AwaitSteadily
// stands in for Mutex::AwaitWithTimeout, which in the absl of Debian 12 waits by the time of day:
// where that is set back by an hour, for an hour longer. Here one thread for all looks at what is
// due, and wakes it.
//
// Threads: any.
#pragma once

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace turnout::connectors {

absl::Time SteadyNow();

// Returns, `mu` held as before, whether the condition holds: once it does, or after `timeout`.
bool AwaitSteadily(absl::Mutex* mu, const absl::Condition& condition, absl::Duration timeout)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

}  // namespace turnout::connectors

// ProcessClock: real time; sleeps end when the process, or the job, is asked to stop.
//
// Threads: any.
#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "connectors/steady_clock.h"
#include "runtime/clock.h"

namespace turnout::runtime {

class ProcessClock : public Clock {
 public:
  absl::Time Now() override { return connectors::SteadyNow(); }
  absl::Time TimeOfDay() override { return absl::Now(); }
  void Sleep(absl::Duration duration) override {
    const absl::MutexLock lock(&mu_);
    connectors::AwaitSteadily(&mu_, absl::Condition(&is_stopped_), duration);
  }
  void Stop() {
    const absl::MutexLock lock(&mu_);
    is_stopped_ = true;
  }

 private:
  absl::Mutex mu_;
  bool is_stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace turnout::runtime

// ProcessClock: real time; sleeps end when the process, or the job, is asked to stop.
//
// Threads: any; Stop once.
#pragma once

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "runtime/clock.h"

namespace turnout::runtime {

class ProcessClock : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }
  void Sleep(absl::Duration duration) override { stop_.WaitForNotificationWithTimeout(duration); }
  void Stop() { stop_.Notify(); }  // once

 private:
  absl::Notification stop_;
};

}  // namespace turnout::runtime

// Clock: time as an argument. The worker's only source of time and of waiting, so that a simulation
// can own both.
#pragma once

#include "absl/time/time.h"

namespace turnout::runtime {

class Clock {
 public:
  virtual ~Clock() = default;
  // For deadlines, pauses and ages: goes on evenly, whatever becomes of the time of day, as which
  // it begins.
  virtual absl::Time Now() = 0;
  // What the machine's clock shows, which may be set at any moment: to be compared with events'
  // times and those of other machines.
  virtual absl::Time TimeOfDay() { return Now(); }
  // Returns early when the process is asked to stop.
  virtual void Sleep(absl::Duration duration) = 0;
};

}  // namespace turnout::runtime

// Clock: time as an argument. The worker's only source of time and of waiting, so that a simulation
// can own both.
#pragma once

#include "absl/time/time.h"

namespace turnout::runtime {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() = 0;
  // Returns early when the process is asked to stop.
  virtual void Sleep(absl::Duration duration) = 0;
};

}  // namespace turnout::runtime

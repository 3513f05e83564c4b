// SimulatedClock: time that passes only when somebody says so. What hangs on time (sessions,
// transaction timeouts, markers under way) is told of every advance.
#pragma once

#include <functional>
#include <utility>

#include "absl/time/time.h"
#include "runtime/clock.h"

namespace turnout::support {

class SimulatedClock : public runtime::Clock {
 public:
  absl::Time Now() override { return now_; }
  void Sleep(absl::Duration duration) override { Advance(duration); }

  void Advance(absl::Duration duration) {
    now_ += duration;
    if (on_advance_) on_advance_();
  }

  void OnAdvance(std::function<void()> on_advance) { on_advance_ = std::move(on_advance); }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::function<void()> on_advance_;
};

}  // namespace turnout::support

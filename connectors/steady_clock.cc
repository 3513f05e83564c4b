#include "connectors/steady_clock.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/clock.h"

namespace turnout::connectors {
namespace {

using Steady = std::chrono::steady_clock;

// A mutex that is held when its alarm is due is tried again so much later.
constexpr auto kTryAgainAfter = std::chrono::milliseconds(1);
// Longer is for ever; and no time is too far off to be counted.
constexpr absl::Duration kTimeoutMax = absl::Hours(24 * 365);

// One that waits: on its stack, and known to Alarms for as long as it does.
struct Sleeper {
  const absl::Condition* condition;
  absl::Mutex* mu;
  Steady::time_point due;
  bool is_due = false;  // guarded by *mu
};

bool IsOver(Sleeper* sleeper) { return sleeper->is_due || sleeper->condition->Eval(); }

// Tells sleepers that their time is over. It never waits for a sleeper's mutex, so that one that
// holds it may take its leave.
class Alarms {
 public:
  Alarms() {
    std::thread([this] { Run(); }).detach();
  }

  void Add(Sleeper* sleeper) {
    const std::lock_guard lock(mu_);
    sleepers_.push_back(sleeper);
    if (sleeper->due < next_) changed_.notify_one();
  }

  void Remove(Sleeper* sleeper) {
    const std::lock_guard lock(mu_);
    sleepers_.erase(std::find(sleepers_.begin(), sleepers_.end(), sleeper));
  }

 private:
  [[noreturn]] void Run() {
    std::unique_lock lock(mu_);
    for (;;) {
      next_ = WakeWhoIsDue(Steady::now());
      changed_.wait_until(lock, next_);
    }
  }

  // Answers when there is more to do.
  Steady::time_point WakeWhoIsDue(Steady::time_point now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    Steady::time_point next = now + std::chrono::hours(1);
    for (Sleeper* sleeper : sleepers_) {
      if (sleeper->due > now) {
        next = std::min(next, sleeper->due);
      } else if (sleeper->mu->TryLock()) {
        sleeper->is_due = true;
        sleeper->due = Steady::time_point::max();
        sleeper->mu->Unlock();  // which has its condition looked at
      } else {
        next = std::min(next, now + kTryAgainAfter);
      }
    }
    return next;
  }

  std::mutex mu_;
  std::condition_variable changed_;
  std::vector<Sleeper*> sleepers_;  // a handful of threads wait at a time
  Steady::time_point next_;         // when it looks again
};

Alarms& TheAlarms() {
  static auto* const alarms = new Alarms();  // its thread outlives all
  return *alarms;
}

}  // namespace

absl::Time SteadyNow() {
  static const struct Beginning {
    absl::Time shown = absl::Now();
    Steady::time_point at = Steady::now();
  } beginning;
  return beginning.shown + absl::FromChrono(Steady::now() - beginning.at);
}

bool AwaitSteadily(absl::Mutex* mu, const absl::Condition& condition, absl::Duration timeout) {
  if (condition.Eval()) return true;
  if (timeout <= absl::ZeroDuration()) return false;
  Sleeper sleeper = {.condition = &condition, .mu = mu};
  sleeper.due = Steady::now() + absl::ToChronoNanoseconds(std::min(timeout, kTimeoutMax));
  TheAlarms().Add(&sleeper);
  mu->Await(absl::Condition(&IsOver, &sleeper));
  TheAlarms().Remove(&sleeper);
  return condition.Eval();
}

}  // namespace turnout::connectors

// ReconcileQueue: which routers are to be looked at, and when; each by one worker at a time.
//
// A router that is added often is looked at once: after kGatherTime, so that changes that come
// together are seen together, and not before kQuietTime has passed since it was looked at last. One
// that is added while it is looked at is looked at again. After a failure it waits, with jitter,
// from `wait_min` doubled each time to `wait_max`.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "state/backoff.h"
#include "state/time_and_chance.h"

namespace turnout::controller {

struct QueueLimits {
  absl::Duration gather_time = absl::Milliseconds(100);
  absl::Duration quiet_time = absl::Seconds(1);
  absl::Duration wait_min = absl::Seconds(1);
  absl::Duration wait_max = absl::Minutes(5);
};

class ReconcileQueue {
 public:
  ReconcileQueue(QueueLimits limits, const state::TimeAndChance& time);

  void Add(const std::string& router);

  // Waits until one is due, and gives it to the caller, who calls Succeeded, Failed or Forget.
  // Nullopt once Stop was called.
  std::optional<std::string> Take();

  // To be looked at again `after` that.
  void Succeeded(const std::string& router, absl::Duration after);
  // Again after a wait; at least `at_least`. Answers how long that is.
  absl::Duration Failed(const std::string& router, absl::Duration at_least);
  // Not again, unless it was added meanwhile.
  void Forget(const std::string& router);

  void Stop();

  size_t depth() const;  // due, or being looked at

 private:
  struct Entry {
    absl::Time due = absl::InfiniteFuture();
    absl::Time ended = absl::InfinitePast();  // when it was looked at last
    bool is_taken = false;
    std::unique_ptr<state::Backoff> backoff;  // while it fails
  };

  void AddAt(const std::string& router, absl::Time due) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const QueueLimits limits_;
  mutable absl::Mutex mutex_;
  absl::Duration drawn_ ABSL_GUARDED_BY(mutex_);  // what a Backoff waited for last
  state::TimeAndChance time_;                     // whose sleep is `drawn_`
  absl::CondVar changed_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace turnout::controller

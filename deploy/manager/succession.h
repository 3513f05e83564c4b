// Succession: which of the managers that share a log is active: this one, or another.
//
// The active one has the lease (lease.h) and leads in the log (ItemStore::Lead); the others follow
// the log, and wait for the lease to lapse or to be given up:
//
//   standby --(lease free: catch up, mark in the log)--> active --(renews)--> active
//      ^                                                    |
//      '--(lease lapsed, or another's mark is in the log)---'
//
// An active one that was paused has no lease by its own clock when it goes on, so that it answers
// nothing; what it may have been about to write meets the other's mark in the log, and is not made.
// One that can't lead for as long as a lease lasts (its disk is full) gives the lease up for twice
// that time.
//
// Units: milliseconds of a clock that doesn't go back, of this process.
// Errors: in the log; it tries again.
// Threads: is_active, active and takeovers: any. The events are called on its thread, or Step's.
// Lifetime: Stop, or the destructor, ends its thread and gives the lease up.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "deploy/manager/item_store.h"
#include "deploy/manager/lease.h"
#include "runtime/process_clock.h"
#include "state/checkpoint_store.h"

namespace turnout::manager {

class Succession {
 public:
  struct Events {
    // What else the last one has left is to be taken over, before this one leads. Also called now
    // and then by a standby, so that there is little left.
    std::function<absl::Status()> catch_up;
    std::function<void()> stood_down;  // it was active
  };

  // `url` is where others find this one. The rest outlives it.
  Succession(state::CheckpointStore* shared, ItemStore* store, std::string url, LeaseTimes times,
             Events events, std::function<int64_t()> now_ms);
  ~Succession();

  void Start();  // the thread, which steps every `step_ms`
  void Stop();

  // Looks at the lease and the log once, and does what is to be done. On one thread.
  void Step();
  int64_t step_ms() const;

  // Whether this one may answer, now.
  bool is_active() const { return store_->leads() && lease_.holds(now_ms_()); }
  // The url of who has the lease; empty: nobody is known to.
  std::string active() const;
  int64_t takeovers() const { return takeovers_; }

 private:
  absl::Status TakeOver();
  void Follow();
  void Told(const char* what, const absl::Status& status);
  void Run();

  ItemStore* const store_;
  const std::string url_;
  const LeaseTimes times_;
  const Events events_;
  const std::function<int64_t()> now_ms_;
  Lease lease_;
  std::atomic<int64_t> takeovers_{0};
  // Of Step's thread.
  bool was_active_ = false;
  std::optional<int64_t> leads_not_since_ms_;  // though it has the lease
  int64_t sits_out_until_ms_;
  int64_t caught_up_at_ms_;
  std::string told_;  // what went wrong last, so that it is told once

  std::atomic<bool> is_ending_{false};
  runtime::ProcessClock clock_;
  mutable absl::Mutex mu_;
  std::string active_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace turnout::manager

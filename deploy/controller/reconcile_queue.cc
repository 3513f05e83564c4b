#include "deploy/controller/reconcile_queue.h"

#include <algorithm>

namespace turnout::controller {

ReconcileQueue::ReconcileQueue(QueueLimits limits, const state::TimeAndChance& time)
    : limits_(limits), time_(time) {
  // A Backoff says how long; the queue waits by itself, for all at once.
  time_.sleep = [this](absl::Duration wait) ABSL_NO_THREAD_SAFETY_ANALYSIS { drawn_ = wait; };
}

void ReconcileQueue::AddAt(const std::string& router, absl::Time due) {
  Entry& entry = entries_[router];
  entry.due = std::min(entry.due, due);
  changed_.Signal();
}

void ReconcileQueue::Add(const std::string& router) {
  const absl::MutexLock lock(&mutex_);
  const absl::Time soon = time_.now() + limits_.gather_time;
  const auto found = entries_.find(router);
  const absl::Time quiet =
      found == entries_.end() ? absl::InfinitePast() : found->second.ended + limits_.quiet_time;
  AddAt(router, std::max(soon, quiet));
}

std::optional<std::string> ReconcileQueue::Take() {
  const absl::MutexLock lock(&mutex_);
  while (!stopped_) {
    auto next = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      if (it->second.is_taken) continue;
      if (next == entries_.end() || it->second.due < next->second.due) next = it;
    }
    const absl::Time due = next == entries_.end() ? absl::InfiniteFuture() : next->second.due;
    const absl::Duration wait = due - time_.now();
    if (wait <= absl::ZeroDuration()) {
      next->second.is_taken = true;
      next->second.due = absl::InfiniteFuture();
      return next->first;
    }
    changed_.WaitWithTimeout(&mutex_, wait);
  }
  return std::nullopt;
}

void ReconcileQueue::Succeeded(const std::string& router, absl::Duration after) {
  const absl::MutexLock lock(&mutex_);
  Entry& entry = entries_[router];
  entry.is_taken = false;
  entry.ended = time_.now();
  entry.backoff.reset();
  // What was added meanwhile is quiet for a while, too.
  if (entry.due != absl::InfiniteFuture()) {
    entry.due = std::max(entry.due, entry.ended + limits_.quiet_time);
  }
  AddAt(router, entry.ended + after);
}

absl::Duration ReconcileQueue::Failed(const std::string& router, absl::Duration at_least) {
  const absl::MutexLock lock(&mutex_);
  Entry& entry = entries_[router];
  entry.is_taken = false;
  entry.ended = time_.now();
  if (entry.backoff == nullptr) {
    entry.backoff = std::make_unique<state::Backoff>(
        &time_, state::BackoffLimits{.wait_min = limits_.wait_min,
                                     .wait_max = limits_.wait_max,
                                     .deadline = absl::InfiniteDuration()});
  }
  entry.backoff->Wait();
  const absl::Duration wait = std::max(drawn_, at_least);
  // A change may be the cure, so what was added meanwhile is looked at sooner; not at once.
  if (entry.due != absl::InfiniteFuture()) {
    entry.due = std::max(entry.due, entry.ended + limits_.quiet_time);
  }
  AddAt(router, entry.ended + wait);
  return wait;
}

void ReconcileQueue::Forget(const std::string& router) {
  const absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(router);
  if (found == entries_.end()) return;
  if (found->second.due == absl::InfiniteFuture()) {
    entries_.erase(found);
  } else {
    found->second.is_taken = false;
    changed_.Signal();
  }
}

void ReconcileQueue::Stop() {
  const absl::MutexLock lock(&mutex_);
  stopped_ = true;
  changed_.SignalAll();
}

size_t ReconcileQueue::depth() const {
  const absl::MutexLock lock(&mutex_);
  const absl::Time now = time_.now();
  return static_cast<size_t>(std::count_if(
      entries_.begin(), entries_.end(),
      [now](const auto& entry) { return entry.second.is_taken || entry.second.due <= now; }));
}

}  // namespace turnout::controller

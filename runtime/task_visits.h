// TaskVisits: how another thread gets a look at a task: its worker calls the visitor between two
// transactions, when nothing is pending.
//
// While nobody waits a worker pays one atomic load a turn. A visitor is to be quick, since its
// worker's events wait for it, and may only look.
//
// Errors: Unavailable - no worker here called in time: none has the partition, or the one that has
//   is waiting for something. The visitor is not called afterwards.
// Threads: Visit on any, Serve on workers'. Lifetime: it outlives both.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "runtime/task.h"

namespace turnout::runtime {

class TaskVisits {
 public:
  using Visitor = absl::FunctionRef<void(Task&)>;

  // Waits until the partition's worker has called `visitor`.
  absl::Status Visit(int32_t partition, absl::Duration within, Visitor visitor);

  // The worker's: calls those who wait for a task that `find` knows.
  void Serve(absl::FunctionRef<Task*(int32_t)> find) {
    if (waiting_.load(std::memory_order_relaxed) > 0) ServeWaiting(find);
  }

 private:
  enum class Stage { kWaiting, kInside, kOver };
  struct Request {
    int32_t partition = 0;
    Visitor visitor;
    Stage stage = Stage::kWaiting;
  };

  void ServeWaiting(absl::FunctionRef<Task*(int32_t)> find);

  std::atomic<size_t> waiting_{0};
  absl::Mutex mu_;
  std::list<Request*> requests_ ABSL_GUARDED_BY(mu_);  // that nobody has taken
};

}  // namespace turnout::runtime

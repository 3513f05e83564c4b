#include "state/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace turnout::state {

absl::Status ForEachInParallel(size_t count, int threads,
                               absl::FunctionRef<absl::Status(size_t)> work) {
  std::atomic<size_t> next = 0;
  absl::Mutex mutex;
  absl::Status first;  // guarded by `mutex`
  const auto run = [&] {
    for (size_t i = next++; i < count; i = next++) {
      absl::Status status = work(i);
      if (status.ok()) continue;
      next = count;
      const absl::MutexLock lock(&mutex);
      first.Update(status);
      return;
    }
  };
  std::vector<std::thread> others;
  const size_t wanted = std::min(count, static_cast<size_t>(std::max(threads, 1)));
  while (others.size() + 1 < wanted) others.emplace_back(run);
  run();
  for (std::thread& other : others) other.join();
  return first;
}

}  // namespace turnout::state

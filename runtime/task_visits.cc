#include "runtime/task_visits.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "connectors/steady_clock.h"

namespace turnout::runtime {

absl::Status TaskVisits::Visit(int32_t partition, absl::Duration within, Visitor visitor) {
  Request request{.partition = partition, .visitor = visitor};
  absl::MutexLock lock(&mu_);
  requests_.push_back(&request);
  ++waiting_;
  const auto is_taken = [&request] { return request.stage != Stage::kWaiting; };
  if (!connectors::AwaitSteadily(&mu_, absl::Condition(&is_taken), within)) {
    requests_.remove(&request);
    --waiting_;
    return absl::UnavailableError(
        absl::StrCat("no worker here has partition ", partition,
                     " ready to be asked (see /v1/status: it may be another router's, or wait for "
                     "brokers)"));
  }
  // The worker is at it: from here on it is a matter of milliseconds.
  const auto is_over = [&request] { return request.stage == Stage::kOver; };
  mu_.Await(absl::Condition(&is_over));
  return absl::OkStatus();
}

void TaskVisits::ServeWaiting(absl::FunctionRef<Task*(int32_t)> find) {
  std::vector<std::pair<Request*, Task*>> taken;
  {
    absl::MutexLock lock(&mu_);
    for (auto at = requests_.begin(); at != requests_.end();) {
      Task* const task = find((*at)->partition);
      if (task == nullptr) {
        ++at;
        continue;
      }
      (*at)->stage = Stage::kInside;
      taken.emplace_back(*at, task);
      at = requests_.erase(at);
      --waiting_;
    }
  }
  for (const auto& [request, task] : taken) request->visitor(*task);
  absl::MutexLock lock(&mu_);
  for (const auto& [request, task] : taken) request->stage = Stage::kOver;
}

}  // namespace turnout::runtime

// ControllerMetrics: what the controller counts, in Prometheus' text format.
//
// Threads: any.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "deploy/controller/carry_out.h"
#include "deploy/kube/kube_watch.h"

namespace turnout::controller {

// Upper bounds, in seconds; the last bucket is of what took longer.
inline constexpr std::array<double, 9> kDurationBounds = {0.01, 0.05, 0.1, 0.25, 0.5,
                                                          1,    2.5,  5,   10};

// What others know at the moment.
struct ControllerFigures {
  bool is_leader = false;
  size_t queue_depth = 0;
  size_t routers = 0;
  kube::WatchCounts watches;
  CarryCounts carried;
};

class ControllerMetrics {
 public:
  void OnReconciled(const absl::Status& status, absl::Duration took);

  std::string Text(const ControllerFigures& figures) const;

 private:
  mutable absl::Mutex mutex_;
  int64_t succeeded_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
  double seconds_ ABSL_GUARDED_BY(mutex_) = 0;
  std::array<int64_t, kDurationBounds.size() + 1> buckets_ ABSL_GUARDED_BY(mutex_) = {};
};

}  // namespace turnout::controller

// RateLimit: how many calls somebody may make: a bucket for each name, refilled evenly.
//
// Names are those of a bounded list, so buckets are not forgotten.
//
// Threads: any.
#pragma once

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace turnout::manager {

class RateLimit {
 public:
  RateLimit(double per_second, double at_once_max)
      : per_second_(per_second), at_once_max_(at_once_max) {}

  // Takes one of the calls that `name` may make at `now`; false: there is none left.
  bool Take(const std::string& name, absl::Time now);

 private:
  struct Bucket {
    double left = 0;
    absl::Time at;
  };

  const double per_second_;
  const double at_once_max_;
  absl::Mutex mu_;
  absl::flat_hash_map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::manager

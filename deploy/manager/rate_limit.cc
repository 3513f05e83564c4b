#include "deploy/manager/rate_limit.h"

#include <algorithm>

namespace turnout::manager {

bool RateLimit::Take(const std::string& name, absl::Time now) {
  const absl::MutexLock lock(&mu_);
  Bucket& bucket = buckets_.try_emplace(name, Bucket{at_once_max_, now}).first->second;
  const double refilled = std::max(0.0, absl::ToDoubleSeconds(now - bucket.at)) * per_second_;
  bucket = {std::min(at_once_max_, bucket.left + refilled), now};
  if (bucket.left < 1) return false;
  --bucket.left;
  return true;
}

}  // namespace turnout::manager

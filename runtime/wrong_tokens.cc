#include "runtime/wrong_tokens.h"

#include <algorithm>

namespace turnout::runtime {

double WrongTokens::TriesLeft(const Bucket& bucket, absl::Time now) {
  const double refilled = std::max(0.0, absl::ToDoubleSeconds(now - bucket.at));
  return std::min(kWrongTokensMax, bucket.tries_left + refilled);
}

bool WrongTokens::MayTry(const std::string& address, absl::Time now) {
  const absl::MutexLock lock(&mu_);
  const auto found = buckets_.find(address);
  return found == buckets_.end() || TriesLeft(found->second, now) >= 1;
}

void WrongTokens::Add(const std::string& address, absl::Time now) {
  const absl::MutexLock lock(&mu_);
  if (buckets_.size() == kAddressesMax && !buckets_.contains(address)) {
    buckets_.erase(
        std::min_element(buckets_.begin(), buckets_.end(),
                         [](const auto& a, const auto& b) { return a.second.at < b.second.at; }));
  }
  const auto [bucket, is_new] = buckets_.try_emplace(address, Bucket{.at = now});
  bucket->second = {.tries_left = std::max(0.0, TriesLeft(bucket->second, now) - 1), .at = now};
}

}  // namespace turnout::runtime

#include "runtime/rule_feed.h"

#include <utility>

namespace turnout::runtime {

void RuleFeed::Publish(std::shared_ptr<const router::RuleSet> rules) {
  absl::MutexLock lock(&mu_);
  rules_ = std::move(rules);
  version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const router::RuleSet> RuleFeed::Current() const {
  absl::MutexLock lock(&mu_);
  return rules_;
}

}  // namespace turnout::runtime

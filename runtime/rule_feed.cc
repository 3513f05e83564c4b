#include "runtime/rule_feed.h"

#include <algorithm>
#include <utility>

namespace turnout::runtime {
namespace {

constexpr size_t kPublishedMax = 1'000;

}  // namespace

void RuleFeed::Publish(std::shared_ptr<const router::RuleSet> rules) {
  absl::MutexLock lock(&mu_);
  if (rules_ != nullptr) replaced_.push_back(std::move(rules_));
  rules_ = std::move(rules);
  published_.push_back(rules_->hash());
  if (published_.size() > kPublishedMax) published_.pop_front();
  version_.fetch_add(1, std::memory_order_release);
}

bool RuleFeed::HasPublished(std::string_view hash) const {
  absl::MutexLock lock(&mu_);
  return std::find(published_.begin(), published_.end(), hash) != published_.end();
}

void RuleFeed::Reclaim() {
  std::vector<std::shared_ptr<const router::RuleSet>> held;
  std::vector<std::shared_ptr<const router::RuleSet>> ours;  // destroyed without the lock
  absl::MutexLock lock(&mu_);
  for (auto& rules : replaced_) {
    // Nobody can get at it but through those that hold it: once it is ours alone, it stays so.
    (rules.use_count() == 1 ? ours : held).push_back(std::move(rules));
  }
  replaced_ = std::move(held);
}

std::shared_ptr<const router::RuleSet> RuleFeed::Current() const {
  absl::MutexLock lock(&mu_);
  return rules_;
}

}  // namespace turnout::runtime

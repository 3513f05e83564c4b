// RuleFeed: where workers find the rule set in force. One writer publishes; each worker looks
// between two transactions, at the price of one atomic load when nothing changed.
//
// Threads: Publish on any thread, Current on any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/synchronization/mutex.h"
#include "router/rule_set.h"

namespace turnout::runtime {

class RuleFeed {
 public:
  void Publish(std::shared_ptr<const router::RuleSet> rules);
  std::shared_ptr<const router::RuleSet> Current() const;
  // Grows by one with each Publish.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  std::atomic<uint64_t> version_{0};
  mutable absl::Mutex mu_;
  std::shared_ptr<const router::RuleSet> rules_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::runtime

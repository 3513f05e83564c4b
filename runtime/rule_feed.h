// RuleFeed: where workers find the rule set in force. One writer publishes; each worker looks
// between two transactions, at the price of one atomic load when nothing changed.
//
// A rule set that was replaced is kept until no worker holds it, so that a worker never pays for
// taking one of 100,000 rules apart.
//
// Threads: Publish and Reclaim on any thread, Current on any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "router/rule_set.h"

namespace turnout::runtime {

class RuleFeed {
 public:
  void Publish(std::shared_ptr<const router::RuleSet> rules);
  std::shared_ptr<const router::RuleSet> Current() const;
  // Destroys replaced rule sets that nobody else holds any more.
  void Reclaim();
  // Whether one of this hash was ever published here; of many, the last thousand are known.
  bool HasPublished(std::string_view hash) const;
  // Grows by one with each Publish.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  std::atomic<uint64_t> version_{0};
  mutable absl::Mutex mu_;
  std::shared_ptr<const router::RuleSet> rules_ ABSL_GUARDED_BY(mu_);
  std::vector<std::shared_ptr<const router::RuleSet>> replaced_ ABSL_GUARDED_BY(mu_);
  std::deque<std::string> published_ ABSL_GUARDED_BY(mu_);  // hashes, the newest last
};

}  // namespace turnout::runtime

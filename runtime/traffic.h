// Traffic: what has passed since the start, by rule and by destination: what /metrics and
// /v1/traffic show.
//
// Both are bounded, so that no rule file and no event can fill a monitoring system: beyond so many
// rules or destinations, and beyond fewer with a histogram of their own, the rest is counted under
// the name `other`. Rules that are no more lose their counts; destinations keep them.
//
// Threads: any; a lock, once a transaction.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "runtime/worker_observer.h"

namespace turnout::runtime {

struct TrafficLimits {
  int rules_max = 2'000;
  int destinations_max = 1'000;
  int latencies_max = 200;  // destinations, teams, and rules, with a histogram
};

struct RuleTraffic {
  std::string team;
  std::string rule;
  RuleCounts counts;
  std::optional<LatencyHistogram> latency = std::nullopt;
};

struct DestinationTraffic {
  std::string topic;
  uint64_t sent = 0;
  uint64_t dead_lettered = 0;
  uint64_t parked = 0;
  uint64_t unavailable = 0;  // times it was found unable to take records
  std::optional<LatencyHistogram> latency;
};

struct TrafficTotals {
  uint64_t events = 0;
  uint64_t event_bytes = 0;
  uint64_t outputs = 0;
  uint64_t parked = 0;      // outputs
  uint64_t drained = 0;     // of those that were parked before
  uint64_t unreadable = 0;  // events
  uint64_t transactions = 0;
  LatencyHistogram latency;
  std::vector<RuleTraffic> rules;                // by team and name; `other` among them
  std::vector<DestinationTraffic> destinations;  // by topic
  std::map<std::string, LatencyHistogram> teams;
  std::map<std::string, uint64_t> dead_letters;  // by their error
};

class Traffic {
 public:
  explicit Traffic(TrafficLimits limits) : limits_(limits) {}

  void OnTransaction(const TransactionReport& report);
  void OnDestinationUnavailable(const std::string& topic);
  // A rule set was published: the counts of rules that it doesn't have are dropped.
  void OnRuleSet(const router::RuleSet& rules);

  TrafficTotals Totals() const;

 private:
  using RuleKey = std::pair<std::string, std::string>;  // team, name

  struct RuleSeries {
    RuleCounts counts;
    std::optional<LatencyHistogram> latency;
  };

  // Where the rules are counted of the rule set that a worker last reported on. Those that it has
  // matched, not all: a worker pays for this in its first transaction under new rules.
  struct WorkerRules {
    std::shared_ptr<const router::RuleSet> rules;
    absl::flat_hash_map<router::RuleIndex, RuleSeries*> by_rule;
  };

  RuleSeries* SeriesOf(const router::RuleInfo& rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  RuleSeries* OtherRules() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Its own, or that of the others.
  LatencyHistogram* LatencyOf(RuleSeries* series) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  DestinationTraffic* TrafficOf(std::string_view topic) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CountRules(const TransactionReport& report) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CountDestination(const DestinationCounts& counts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CountTeam(const TeamLatency& sent) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const TrafficLimits limits_;
  mutable absl::Mutex mu_;
  TrafficTotals sums_ ABSL_GUARDED_BY(mu_);  // but for rules and destinations
  std::map<RuleKey, RuleSeries> rules_ ABSL_GUARDED_BY(mu_);
  int rule_latencies_ ABSL_GUARDED_BY(mu_) = 0;  // of rules_
  std::map<std::string, DestinationTraffic, std::less<>> destinations_ ABSL_GUARDED_BY(mu_);
  int latencies_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<int, WorkerRules> workers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::runtime

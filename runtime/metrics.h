// Metrics: what the pipeline counts and measures, in Prometheus' text format.
//
// Workers report once a transaction; nothing here is done once an event. What is counted by rule
// and destination is bounded: see traffic.h. Names, types and meanings are in the table of
// runtime/README.md, and a test compares the two.
//
// Units: seconds and bytes, whatever the names of the reports' fields say.
// Threads: any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "runtime/clock.h"
#include "runtime/kept_table.h"
#include "runtime/schema_registry_status.h"
#include "runtime/security_keeper.h"
#include "runtime/state_stats.h"
#include "runtime/token_keeper.h"
#include "runtime/traffic.h"
#include "runtime/worker_observer.h"

namespace turnout::runtime {

struct LiveRulesStatus;

struct MetricsOptions {
  std::string version;
  std::string kafka_library_version;
  std::string instance;
  std::string delivery;
  TrafficLimits limits;
};

class Metrics : public WorkerObserver {
 public:
  // The clock is borrowed.
  Metrics(MetricsOptions options, Clock* clock);
  ~Metrics() override;

  void OnTransaction(const TransactionReport& report) override;
  void OnOutcome(int worker, TransactionOutcome outcome, const absl::Status& why) override;
  void OnOpenTransaction(int worker, absl::Time since) override;
  void OnStatus(const WorkerStatus& status) override;
  void OnRestored(int worker, const std::string& topic, int32_t partition,
                  const std::string& text) override;
  void OnStateSizes(int worker, const std::shared_ptr<const router::RuleSet>& rules,
                    std::vector<router::StateSize> by_rule) override;
  void OnDestinationUnavailable(const std::string& topic, const std::string& reason) override;

  // A rule set was published: series of rules that it doesn't have are dropped.
  void OnRuleSet(const router::RuleSet& rules, absl::Time published);
  // Rule files that were refused, and teams that stand aside for a destination.
  void OnTeams(const std::vector<std::string>& refused_files,
               const std::vector<std::string>& aside);
  void OnLiveRules(const LiveRulesStatus& rules);
  void OnStates(const StateServiceStats& stats, uint64_t memory_bytes);
  void OnTables(std::vector<TableStatus> tables);
  void OnSchemas(SchemaRegistryStatus schemas);
  void OnBrokers(bool reachable);
  void OnThrottle(absl::Duration time);
  void OnToken(const TokenReport& report);
  void OnSecurity(const SecurityReport& report);
  void OnReady(bool ready);

  // The page.
  std::string Text() const;
  TrafficTotals traffic() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::runtime

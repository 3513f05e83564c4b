// StatusBoard: what is known of the pipeline right now, for /healthz, /readyz, /v1/status and
// /v1/rules.
//
// Workers, the control thread and the Kafka clients write to it as things change; the admin API
// reads: what to say of it is decided in troubles.h and pipeline_json.h.
//
// Threads: any. A worker's turn costs one atomic store; the rest takes a lock, a few times a
//   transaction at most.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "runtime/clock.h"
#include "runtime/pipeline_view.h"
#include "runtime/security_keeper.h"
#include "runtime/token_keeper.h"

namespace turnout::runtime {

class StatusBoard : public WorkerObserver {
 public:
  // The clock is borrowed.
  StatusBoard(PipelineFacts facts, Clock* clock);
  ~StatusBoard() override;

  void OnTransaction(const TransactionReport& report) override;
  void OnOutcome(int worker, TransactionOutcome outcome, const absl::Status& why) override;
  void OnOpenTransaction(int worker, absl::Time since) override;
  void OnStatus(const WorkerStatus& status) override;
  void OnDestinationUnavailable(const std::string& topic, const std::string& reason) override;

  // The worker's thread comes by here between two Steps; OnEnd when it has ended.
  void OnTurn(int worker);
  void OnEnd(int worker);

  // True when this changed whether all clients reach their brokers.
  bool SetBrokers(const std::string& client, bool reachable, const std::string& reason);
  // A connection to this broker failed, whichever client's.
  void OnBrokerFailed(const std::string& address, const std::string& what);
  // Why no worker may start yet; empty when they may. True when it changed.
  bool SetWaitingFor(std::vector<std::string> reasons);
  // 0: not known, which changes nothing.
  void SetSourcePartitions(int32_t partitions);
  // True when it changed.
  bool SetSink(SinkStatus sink);
  void SetToken(const TokenReport& report);
  void SetSecurity(SecurityReport report);
  void SetRules(RulesStatus rules);
  RulesStatus rules() const;
  void SetLiveRules(LiveRulesStatus rules);
  void SetTables(std::vector<TableStatus> tables);
  void SetSchemas(SchemaRegistryStatus schemas);
  void SetStates(const StateServiceStats& stats);
  void SetStopping();

  // Alive: no worker is stuck.
  Health Alive() const;
  // Ready: workers run, brokers answer, a token is at hand where one is needed, nothing is waited
  // for. Teams that stand aside or were refused don't count: other teams' events flow.
  Health Ready() const;
  PipelineView View() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::runtime

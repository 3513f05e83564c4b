// StatusBoard: what is known of the pipeline right now, for /healthz, /readyz, /v1/status and
// /v1/rules.
//
// Workers, the control thread and the Kafka clients write to it as things change; the admin API
// reads. It decides nothing.
//
// Threads: any. A worker's turn costs one atomic store; the rest takes a lock, once a transaction
// at
//   most.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "runtime/clock.h"
#include "runtime/kept_table.h"
#include "runtime/rules_status.h"
#include "runtime/token_keeper.h"
#include "runtime/worker_observer.h"

namespace turnout::runtime {

struct LiveRulesStatus;

// What doesn't change while the process lives.
struct PipelineFacts {
  std::string version;
  std::string kafka_library_version;
  std::string instance;
  std::string group;
  std::string source_topic;
  std::string dead_letter_topic;
  std::string delivery;
  std::string brokers;
  std::string checkpoint_store;
  bool checkpoints_on_own_disk = false;  // so they are lost with it
  int workers = 1;
  int rekey_workers = 0;  // behind them; may never start
  // A worker that has not turned for so long is stuck.
  absl::Duration stuck_after = absl::Seconds(60);
};

// Which sink the workers produce with, and why.
struct SinkStatus {
  std::string kind;
  std::string why;
};

struct Health {
  bool ok = false;
  std::vector<std::string> reasons;  // why not, in plain words
};

class StatusBoard : public WorkerObserver {
 public:
  // The clock is borrowed.
  StatusBoard(PipelineFacts facts, Clock* clock);
  ~StatusBoard() override;

  void OnTransaction(const TransactionReport& report) override;
  void OnOutcome(int worker, TransactionOutcome outcome, const absl::Status& why) override;
  void OnStatus(const WorkerStatus& status) override;
  void OnDestinationUnavailable(const std::string& topic, const std::string& reason) override;

  // The worker's thread comes by here between two Steps; OnEnd when it has ended.
  void OnTurn(int worker);
  void OnEnd(int worker);

  // True when this changed whether all clients reach their brokers.
  bool SetBrokers(const std::string& client, bool reachable, const std::string& reason);
  // Why no worker may start yet; empty when they may. True when it changed.
  bool SetWaitingFor(std::vector<std::string> reasons);
  // True when it changed.
  bool SetSink(SinkStatus sink);
  void SetToken(const TokenReport& report);
  void SetRules(RulesStatus rules);
  RulesStatus rules() const;
  void SetLiveRules(LiveRulesStatus rules);
  void SetTables(std::vector<TableStatus> tables);
  void SetStopping();

  // Alive: no worker is stuck.
  Health Alive() const;
  // Ready: workers run, brokers answer, a token is at hand where one is needed, nothing is waited
  // for. Teams that stand aside or were refused don't count: other teams' events flow.
  Health Ready() const;
  std::string StatusJson() const;
  std::string RulesPage() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "running", "waiting", ...; "retried", "aborted", ...
std::string_view StateName(WorkerState state);
std::string_view OutcomeName(TransactionOutcome outcome);
std::string_view PhaseName(TaskPhase phase);

// {"ok":true} or {"ok":false,"reasons":[...]}.
std::string HealthJson(const Health& health);

}  // namespace turnout::runtime

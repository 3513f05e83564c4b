// PipelineObserver: hands what workers and Kafka clients tell to the status board and the metrics,
// and writes a log line where something changed.
//
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "runtime/clock.h"
#include "runtime/metrics.h"
#include "runtime/status_board.h"

namespace turnout::runtime {

class PipelineObserver : public WorkerObserver {
 public:
  // All are borrowed.
  PipelineObserver(StatusBoard* board, Metrics* metrics, Clock* clock)
      : board_(board), metrics_(metrics), clock_(clock) {}

  void OnTransaction(const TransactionReport& report) override;
  void OnOutcome(int worker, TransactionOutcome outcome, const absl::Status& why) override;
  void OnOpenTransaction(int worker, absl::Time since) override;
  void OnStatus(const WorkerStatus& status) override;
  void OnOffsetsWentBack(int worker, const std::string& topic, int32_t partition, int64_t expected,
                         int64_t found) override;
  void OnTask(int worker, const std::string& topic, int32_t partition, TaskPhase phase,
              const std::string& text) override;
  void OnRestored(int worker, const std::string& topic, int32_t partition,
                  const std::string& text) override;
  void OnStateSizes(int worker, const std::shared_ptr<const router::RuleSet>& rules,
                    std::vector<router::StateSize> by_rule) override;
  void OnDestinationUnavailable(const std::string& topic, const std::string& reason) override;

  void OnBrokers(const std::string& client, bool reachable, const std::string& reason);
  void OnToken(const TokenReport& report);
  void OnSecurity(const SecurityReport& report);
  // A broker holds a client back for so long, as over a quota. Logged once a while for each broker.
  void OnThrottle(const std::string& client, const std::string& broker, absl::Duration time);
  // librdkafka's own words, at syslog's levels. It repeats itself with every try to connect; what
  // was said of a broker is said again once none was reached and one is again, or after a while.
  // The board is told each time.
  void OnClientLog(int level, const std::string& client, const std::string& message);

 private:
  // Whether this was said lately; notes that it is said now.
  bool IsSaid(const std::string& line);

  StatusBoard* const board_;
  Metrics* const metrics_;
  Clock* const clock_;
  absl::Mutex mu_;
  // State, reason and partitions of each worker as last logged.
  struct Logged {
    WorkerState state = WorkerState::kStarting;
    std::string reason;
    std::string partitions;
  };
  std::map<int, Logged> logged_ ABSL_GUARDED_BY(mu_);
  bool brokers_reachable_ ABSL_GUARDED_BY(mu_) = true;
  std::string token_trouble_ ABSL_GUARDED_BY(mu_) = "none was fetched yet";  // as last told
  std::string security_trouble_ ABSL_GUARDED_BY(mu_);                        // the same
  // Said since brokers were reached, and when.
  std::map<std::string, absl::Time> client_lines_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::runtime

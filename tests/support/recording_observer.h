// RecordingObserver: a WorkerObserver that counts what it is told.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "runtime/worker_observer.h"

namespace turnout::support {

class RecordingObserver : public runtime::WorkerObserver {
 public:
  void OnTransaction(const runtime::TransactionReport& report) override {
    ++transactions;
    events += report.events;
    outputs += report.outputs;
    drained += report.drained;
    dead_lettered_events += report.dead_lettered_events;
  }
  void OnOutcome(int /*worker*/, runtime::TransactionOutcome outcome,
                 const absl::Status& /*why*/) override {
    ++outcomes[outcome];
  }
  void OnStatus(const runtime::WorkerStatus& status) override { statuses[status.worker] = status; }
  void OnDestinationUnavailable(const std::string& topic, const std::string& /*reason*/) override {
    unavailable_destinations.insert(topic);
  }

  uint64_t transactions = 0;  // committed, as this and the next four
  uint64_t events = 0;
  uint64_t outputs = 0;
  uint64_t drained = 0;
  uint64_t dead_lettered_events = 0;
  std::map<runtime::TransactionOutcome, uint64_t> outcomes;
  std::map<int, runtime::WorkerStatus> statuses;
  std::set<std::string> unavailable_destinations;
};

}  // namespace turnout::support

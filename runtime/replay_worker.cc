#include "runtime/replay_worker.h"

namespace turnout::runtime {
namespace {

// Of the brokers' patience with a transaction this part is for its events, the rest for its end.
constexpr int kTransactionShare = 3;

}  // namespace

WorkerOptions ReplayWorkerOptions(const Config& config, const std::string& job, bool asks_tables) {
  WorkerOptions worker;
  worker.source_topic = config.topic;
  worker.ingestion_topic = config.topic;
  worker.dead_letter_topic = config.dead_letter_topic;
  if (asks_tables) worker.parking_topic = config.parking_topic;
  worker.replay_job = job;
  worker.provenance_headers = config.provenance_headers;
  worker.transaction_time_max = config.limits.transaction_timeout / kTransactionShare;
  worker.event_tries_max = config.limits.event_tries_max;
  return worker;
}

}  // namespace turnout::runtime

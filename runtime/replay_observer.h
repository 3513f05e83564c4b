// ReplayObserver: what a replay's worker tells, as lines of the log and as figures of its end.
//
// A line says every kReplayTellEvery how far it is. What can't be cured by waiting is kept as the
// replay's failure: a state that is refused, another run of the same job.
//
// Threads: the worker's, which asks for the figures too.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "connectors/topic_range_reader.h"
#include "runtime/clock.h"
#include "runtime/worker_observer.h"

namespace turnout::runtime {

inline constexpr absl::Duration kReplayTellEvery = absl::Seconds(5);

struct ReplayCounts {
  uint64_t events = 0;
  uint64_t matched = 0;
  uint64_t outputs = 0;
  uint64_t dead_letters = 0;
  uint64_t unreadable = 0;  // events, which live traffic has dead-lettered
};

// How many offsets of the range are left, of how many, and what this run did.
using OnReplayProgress =
    std::function<void(int64_t left, int64_t total, const ReplayCounts& counts)>;

class ReplayObserver : public WorkerObserver {
 public:
  // `clock` is borrowed. `on_progress` may be empty; else it is called often.
  ReplayObserver(std::string job, connectors::OffsetRanges ranges, Clock* clock,
                 OnReplayProgress on_progress = {});

  void OnTransaction(const TransactionReport& report) override;
  void OnOutcome(int worker, TransactionOutcome outcome, const absl::Status& why) override;
  void OnStatus(const WorkerStatus& status) override;
  void OnTask(int worker, const std::string& topic, int32_t partition, TaskPhase phase,
              const std::string& text) override;
  void OnDestinationUnavailable(const std::string& topic, const std::string& reason) override;

  const ReplayCounts& counts() const { return counts_; }
  const absl::Status& failure() const { return failure_; }

 private:
  int64_t Left(const WorkerStatus& status) const;
  void Tell(int64_t left);

  const std::string job_;
  const connectors::OffsetRanges ranges_;
  const int64_t size_;
  Clock* const clock_;
  const OnReplayProgress on_progress_;
  ReplayCounts counts_;
  absl::Status failure_;
  std::string waits_for_;  // as told last
  absl::Time told_;
  uint64_t events_told_ = 0;
};

}  // namespace turnout::runtime

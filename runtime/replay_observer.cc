#include "runtime/replay_observer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/log.h"
#include "runtime/topic_range.h"

namespace turnout::runtime {

ReplayObserver::ReplayObserver(std::string job, connectors::OffsetRanges ranges, Clock* clock,
                               OnReplayProgress on_progress)
    : job_(std::move(job)),
      ranges_(std::move(ranges)),
      size_(SizeOf(ranges_)),
      clock_(clock),
      on_progress_(std::move(on_progress)),
      told_(clock->Now()) {}

void ReplayObserver::OnTransaction(const TransactionReport& report) {
  counts_.events += report.events;
  counts_.outputs += report.outputs;
  counts_.unreadable += report.dead_lettered_events;
  for (const RuleCounts& rule : report.rule_counts) {
    counts_.matched += rule.matched;
    counts_.dead_letters += rule.dead_lettered;
  }
}

void ReplayObserver::OnOutcome(int /*worker*/, TransactionOutcome outcome,
                               const absl::Status& why) {
  switch (outcome) {
    case TransactionOutcome::kRetried:
      return;
    case TransactionOutcome::kAborted:
      LogWarning("transaction_aborted", absl::StrCat("aborted and redone: ", why.message()));
      return;
    case TransactionOutcome::kFenced:
      failure_ = absl::FailedPreconditionError(
          absl::StrCat("another run of job ", job_,
                       " has taken over, or this one was silent for longer than "
                       "limits.transaction_timeout: ",
                       why.message()));
      return;
    case TransactionOutcome::kFatal:
      LogError("producer_lost", absl::StrCat("starting the producer afresh: ", why.message()));
      return;
  }
}

int64_t ReplayObserver::Left(const WorkerStatus& status) const {
  int64_t left = size_;
  for (const PartitionStatus& partition : status.partitions) {
    const auto range = ranges_.find(partition.partition);
    if (range == ranges_.end()) continue;
    const auto& [begin, end] = range->second;
    left -= std::clamp(partition.next_offset, begin, end) - begin;
  }
  return left;
}

void ReplayObserver::OnStatus(const WorkerStatus& status) {
  const std::string waits_for = status.state == WorkerState::kWaiting ? status.reason : "";
  if (waits_for != waits_for_ && !waits_for.empty()) LogWarning("replay_waits", waits_for);
  waits_for_ = waits_for;
  if (on_progress_) on_progress_(Left(status), size_, counts_);
  if (clock_->Now() - told_ >= kReplayTellEvery) Tell(Left(status));
}

void ReplayObserver::Tell(int64_t left) {
  const absl::Time now = clock_->Now();
  const double rate =
      static_cast<double>(counts_.events - std::exchange(events_told_, counts_.events)) /
      absl::ToDoubleSeconds(now - std::exchange(told_, now));
  const double share = size_ == 0 ? 1 : static_cast<double>(size_ - left) / size_;
  std::string sentence =
      absl::StrFormat("%.1f %% of the range is done, %.0f events a second", share * 100, rate);
  if (rate >= 1) {
    const absl::Duration still = absl::Seconds(static_cast<double>(left) / rate);
    absl::StrAppend(&sentence, "; about ",
                    absl::FormatDuration(absl::Ceil(still, absl::Seconds(1))), " left");
  }
  LogInfo("replay_progress", sentence,
          {{"job", job_},
           {"offsets_left", left},
           {"offsets", size_},
           {"events", counts_.events},
           {"outputs", counts_.outputs}});
}

void ReplayObserver::OnTask(int /*worker*/, const std::string& topic, int32_t partition,
                            TaskPhase phase, const std::string& text) {
  if (text.empty()) return;
  const std::string sentence = absl::StrCat("partition ", partition, " of ", topic, ": ", text);
  if (phase == TaskPhase::kRefused) {
    failure_ = absl::FailedPreconditionError(
        absl::StrCat("what the rule's steps remember can't be made anew: ", sentence));
    return;
  }
  LogInfo("replay_state", sentence, {{"partition", partition}});
}

void ReplayObserver::OnDestinationUnavailable(const std::string& topic, const std::string& reason) {
  LogWarning("destination_unavailable",
             absl::StrCat(topic, " takes no records; they are dead-lettered: ", reason),
             {{"topic", topic}, {"reason", reason}});
}

}  // namespace turnout::runtime

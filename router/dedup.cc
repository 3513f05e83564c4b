#include "router/dedup.h"

namespace turnout::router {

absl::StatusOr<StepVerdict> JudgeDedup(const StepPlan& step, const StepCall& call) {
  StepScratch& scratch = *call.scratch;
  const absl::StatusOr<bool> found = call.state->Get(step.id, call.key, &scratch.stored);
  if (!found.ok()) return found.status();
  if (*found) {
    if (scratch.stored.size() != kStoredNumberBytes) {
      return DamagedStep(StepKind::kDedup, "it is not of 8 bytes");
    }
    const auto passed_ms = static_cast<int64_t>(NumberAt(scratch.stored.data()));
    if (!IsEventTime(passed_ms)) return DamagedStep(StepKind::kDedup, "its time is none");
    if (call.time_ms <= passed_ms - step.span_ms) return StepVerdict::kPasses;
    if (call.time_ms < passed_ms + step.span_ms) return StepVerdict::kStops;
  }
  scratch.bytes.clear();
  AppendNumber(static_cast<uint64_t>(call.time_ms), &scratch.bytes);
  // What it replaces was about to expire.
  const bool is_kept = KeepEntry(call, call.key, scratch.bytes, call.time_ms + step.span_ms);
  return is_kept ? StepVerdict::kPasses : StepVerdict::kIsFull;
}

}  // namespace turnout::router

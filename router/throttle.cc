#include "router/throttle.h"

namespace turnout::router {

absl::StatusOr<StepVerdict> JudgeThrottle(const StepPlan& step, const StepCall& call) {
  StepScratch& scratch = *call.scratch;
  const absl::StatusOr<bool> found = call.state->Get(step.id, call.key, &scratch.stored);
  if (!found.ok()) return found.status();
  int64_t start_ms = call.time_ms;
  std::optional<ReplacedEntry> replaced;
  uint64_t passed = 0;
  if (*found) {
    if (scratch.stored.size() != 2 * kStoredNumberBytes) {
      return DamagedStep(StepKind::kThrottle, "it is not of 16 bytes");
    }
    const auto stored_ms = static_cast<int64_t>(NumberAt(scratch.stored.data()));
    if (!IsEventTime(stored_ms)) return DamagedStep(StepKind::kThrottle, "its start is no time");
    if (call.time_ms < stored_ms + step.span_ms) {
      start_ms = stored_ms;
      passed = NumberAt(scratch.stored.data() + kStoredNumberBytes);
      if (passed >= step.limit) return StepVerdict::kStops;
      replaced = {scratch.stored.size(), start_ms + step.span_ms};
    }
  }
  scratch.bytes.clear();
  AppendNumber(static_cast<uint64_t>(start_ms), &scratch.bytes);
  AppendNumber(passed + 1, &scratch.bytes);
  const bool is_kept = KeepEntry(call, call.key, scratch.bytes, start_ms + step.span_ms, replaced);
  return is_kept ? StepVerdict::kPasses : StepVerdict::kIsFull;
}

}  // namespace turnout::router

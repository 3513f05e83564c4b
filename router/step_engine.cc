#include "router/step_engine.h"

#include <bit>
#include <cmath>
#include <optional>

#include "router/dedup.h"
#include "router/event_time.h"
#include "router/number.h"
#include "router/text_hash.h"
#include "router/threshold.h"
#include "router/throttle.h"

namespace turnout::router {

absl::Status StepEngine::StartEvent(const Event& event, const Matcher::Scratch& fields,
                                    TaskSteps* task) {
  if (task == nullptr) {
    return absl::InternalError("the rules keep state, and the router was given none");
  }
  state::TaskState& state = task->state();
  std::optional<int64_t> field_ms;
  if (plan_.time_field != StepPlan::kNone) {
    field_ms = TimeOfField(fields.FieldKind(plan_.time_field), fields.Field(plan_.time_field));
  }
  const int64_t time_ms = EventTime(event.timestamp_ms, field_ms, settings_, state.watermark_ms());
  state.AdvanceWatermark(time_ms - settings_.lateness_ms);
  call_ = {.state = &state,
           .scratch = &scratch_,
           .time_ms = time_ms,
           .late = time_ms < state.watermark_ms()};
  return absl::OkStatus();
}

StepVerdict StepEngine::Reject(uint32_t field, std::string_view how) {
  fault_ = {field, how};
  return StepVerdict::kRejects;
}

bool StepEngine::HasKey(const StepPlan& step, const Matcher::Scratch& fields) {
  call_.key = fields.Field(step.key_field);
  if (call_.key.data() == nullptr) {
    fault_ = {step.key_field, "absent, null or not a scalar"};
    return false;
  }
  if (call_.key.size() > kStepKeyBytesMax) {
    fault_ = {step.key_field, "longer than the 1024 bytes of a key"};
    return false;
  }
  return true;
}

absl::StatusOr<StepVerdict> StepEngine::Judge(const StepPlan& step,
                                              const Matcher::Scratch& fields) {
  if (!HasKey(step, fields)) return StepVerdict::kRejects;
  if (step.kind == StepKind::kDedup) return JudgeDedup(step, call_);
  if (step.kind == StepKind::kThrottle) return JudgeThrottle(step, call_);
  if (step.measure == Measure::kSum) {
    bool exact = false;
    const double amount = fields.FieldKind(step.measure_field) == ValueKind::kNumber
                              ? NearestNumber(fields.Field(step.measure_field), &exact)
                              : std::nan("");
    if (std::isnan(amount)) return Reject(step.measure_field, "absent or not a number");
    call_.word = std::bit_cast<uint64_t>(amount);
  } else if (step.measure == Measure::kDistinct) {
    const std::string_view value = fields.Field(step.measure_field);
    if (value.data() == nullptr) return Reject(step.measure_field, "absent, null or not a scalar");
    call_.word = TextHash(value);
  }
  return JudgeThreshold(step, call_);
}

}  // namespace turnout::router

#include "router/step_engine.h"

#include <algorithm>
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
                                    TaskSteps* task, Arena* arena,
                                    std::vector<ClosedWindow>* closed) {
  if (task == nullptr) {
    return absl::InternalError("the rules keep state, and the router was given none");
  }
  if (absl::Status status = task->LoadMeters(); !status.ok()) return status;
  state::TaskState& state = task->state();
  std::optional<int64_t> field_ms;
  if (plan_.time_field != StepPlan::kNone) {
    field_ms = TimeOfField(fields.FieldKind(plan_.time_field), fields.Field(plan_.time_field));
  }
  const int64_t time_ms = EventTime(event.timestamp_ms, field_ms, settings_, state.watermark_ms());
  state.AdvanceWatermark(time_ms - settings_.lateness_ms);
  call_ = {.task = task,
           .state = &state,
           .scratch = &scratch_,
           .time_ms = time_ms,
           .late = time_ms < state.watermark_ms(),
           .rule_bytes_max = settings_.rule_state_bytes_max,
           .team_bytes_max = settings_.team_state_bytes_max};
  if (state.watermark_ms() < task->windows().earliest_end_ms()) return absl::OkStatus();
  return CloseWindows(task, arena, closed);
}

absl::Status StepEngine::CloseWindows(TaskSteps* task, Arena* arena,
                                      std::vector<ClosedWindow>* closed) {
  WindowQueue& windows = task->windows();
  if (!windows.has_begun()) {
    windows.Begin();
    for (uint32_t number = 0; number < plan_.aggregates.size(); ++number) {
      if (!plan_.aggregates[number].emit_every) windows.Add(WindowQueue::kAtOnce, number);
    }
  }
  size_t left = kClosedWindowsMax;
  for (const uint32_t number : windows.TakeDue(task->state().watermark_ms())) {
    const absl::StatusOr<int64_t> next_ms =
        aggregate_.CloseDue(plan_.aggregates[number], task, &left, arena, closed);
    if (!next_ms.ok()) {
      task->ForgetWindows();
      return next_ms.status();
    }
    windows.Add(*next_ms, number);
  }
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

void StepEngine::SetTeam(absl::Span<const StepPlan> rule_steps) {
  const auto first = static_cast<uint32_t>(rule_steps.data() - plan_.steps.data());
  const auto end = std::upper_bound(plan_.team_steps.begin(), plan_.team_steps.end() - 1, first);
  const uint32_t begin = *(end - 1);
  call_.team = static_cast<uint32_t>(end - 1 - plan_.team_steps.begin());
  call_.team_steps = absl::MakeConstSpan(plan_.steps).subspan(begin, *end - begin);
}

absl::StatusOr<StepVerdict> StepEngine::Judge(absl::Span<const StepPlan> rule_steps,
                                              const StepPlan& step,
                                              const Matcher::Scratch& fields) {
  if (!HasKey(step, fields)) return StepVerdict::kRejects;
  call_.step = &step;
  call_.rule_steps = rule_steps;
  if (settings_.team_state_bytes_max != kNoStateLimit) SetTeam(rule_steps);
  call_.life_ms_max = step.life_ms + settings_.lateness_ms;
  if (step.kind == StepKind::kDedup) return JudgeDedup(step, call_);
  if (step.kind == StepKind::kThrottle) return JudgeThrottle(step, call_);
  if (step.kind == StepKind::kAggregate) {
    return aggregate_.Judge(plan_.aggregates[step.aggregate], call_, fields, &record_);
  }
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

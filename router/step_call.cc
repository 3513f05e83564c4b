#include "router/step_call.h"

#include "absl/strings/str_cat.h"

namespace turnout::router {

namespace {

int64_t BytesOf(absl::Span<const StepPlan> steps, const TaskSteps& task, int64_t watermark_ms) {
  int64_t bytes = 0;
  for (const StepPlan& step : steps) {
    const StateMeter* const meter = step.id == 0 ? nullptr : task.FindMeter(step.id);
    if (meter != nullptr) bytes += meter->SizeAt(watermark_ms).bytes;
  }
  return bytes;
}

// A team may have many steps: they are added up only where what is remembered of their sum, which
// never says too little, does not do.
bool HasTeamRoom(const StepCall& call, int64_t more, int64_t watermark_ms) {
  if (call.team_steps.empty()) return true;
  int64_t& at_most = call.task->TeamBytesAtMost(call.team);
  if (at_most == TaskSteps::kNotKnown || at_most + more > call.team_bytes_max) {
    at_most = BytesOf(call.team_steps, *call.task, watermark_ms);
  }
  if (at_most + more > call.team_bytes_max) return false;
  at_most += more;
  return true;
}

}  // namespace

bool KeepEntry(const StepCall& call, std::string_view key, std::string_view value,
               int64_t expires_at_ms, const std::optional<ReplacedEntry>& replaced) {
  const int64_t watermark_ms = call.state->watermark_ms();
  if (expires_at_ms <= watermark_ms) return true;
  const int64_t bytes = StateBytes(key, value.size());
  const int64_t before = replaced ? StateBytes(key, replaced->value_bytes) : 0;
  if (bytes > before &&
      BytesOf(call.rule_steps, *call.task, watermark_ms) + bytes - before > call.rule_bytes_max) {
    return false;
  }
  if (bytes > before && !HasTeamRoom(call, bytes - before, watermark_ms)) return false;
  StateMeter& meter = call.task->ChangeMeter(call.step->id);
  if (replaced) meter.Remove(before, replaced->expires_at_ms);
  meter.Add(bytes, expires_at_ms, watermark_ms, call.life_ms_max);
  call.state->Put(call.step->id, key, value, expires_at_ms);
  return true;
}

absl::Status DamagedStep(StepKind kind, std::string_view what) {
  const std::string_view name = StepName(kind);
  return absl::DataLossError(
      absl::StrCat("step `", absl::string_view(name.data(), name.size()),
                   "`: a stored entry is damaged: ", absl::string_view(what.data(), what.size())));
}

}  // namespace turnout::router

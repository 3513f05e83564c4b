#include "router/trial_state.h"

#include <algorithm>

#include "router/step_memory.h"

namespace turnout::router {

StepsById RememberingSteps(const RoutePlan& plan) {
  StepsById steps;
  for (const StepPlan& step : plan.steps) {
    if (step.id != 0) steps.emplace(step.id, &step);
  }
  return steps;
}

TrialState::TrialState(const RoutePlan& plan, const StepsById& steps, state::TaskState* below)
    : plan_(plan), steps_(steps), below_(below) {
  if (below_ != nullptr) point_ = below_->point();
  Rollback();
}

void TrialState::Rollback() {
  changes_.clear();
  watermark_ms_ = below_ == nullptr ? state::kNoWatermark : below_->watermark_ms();
}

bool TrialState::IsSeen(state::StepId step, std::string_view key, std::string_view value) const {
  const auto found = steps_.find(step);
  if (found == steps_.end()) return true;
  const StepPlan& plan = *found->second;
  const AggregatePlan* const aggregate =
      plan.aggregate == StepPlan::kNone ? nullptr : &plan_.aggregates[plan.aggregate];
  return ExpiryOf(plan, aggregate, key, value) > watermark_ms_;
}

absl::StatusOr<bool> TrialState::Get(state::StepId step, std::string_view key, std::string* value) {
  const auto changed = changes_.find({step, std::string(key)});
  if (changed != changes_.end()) {
    if (!IsSeen(changed->second)) return false;
    *value = changed->second.value;
    return true;
  }
  if (below_ == nullptr) return false;
  const absl::StatusOr<bool> found = below_->Get(step, key, value);
  if (!found.ok() || !*found) return found;
  return IsSeen(step, key, *value);
}

void TrialState::Put(state::StepId step, std::string_view key, std::string_view value,
                     int64_t expires_at_ms) {
  changes_[{step, std::string(key)}] = {std::string(value), expires_at_ms, false};
}

void TrialState::Delete(state::StepId step, std::string_view key) {
  changes_[{step, std::string(key)}] = {.is_deleted = true};
}

bool TrialState::VisitChanges(
    state::StepId step, std::string_view to, Changes::const_iterator* at,
    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) const {
  for (; *at != changes_.end() && (*at)->first.first == step; ++*at) {
    const auto& [place, change] = **at;
    if (to.data() != nullptr && place.second >= to) return true;
    if (IsSeen(change) && !visit(place.second, change.value)) return false;
  }
  return true;
}

absl::Status TrialState::Scan(state::StepId step, std::string_view from, std::string_view to,
                              absl::FunctionRef<bool(std::string_view, std::string_view)> visit) {
  Changes::const_iterator at = changes_.lower_bound({step, std::string(from)});
  bool goes_on = true;
  if (below_ != nullptr) {
    const absl::Status scanned =
        below_->Scan(step, from, to, [&](std::string_view key, std::string_view value) {
          goes_on = VisitChanges(step, key, &at, visit);
          if (!goes_on) return false;
          // A change of the same key takes the entry's place.
          const bool is_changed =
              at != changes_.end() && at->first.first == step && at->first.second == key;
          if (!is_changed && IsSeen(step, key, value)) goes_on = visit(key, value);
          return goes_on;
        });
    if (!scanned.ok() || !goes_on) return scanned;
  }
  VisitChanges(step, to.empty() ? std::string_view() : to, &at, visit);
  return absl::OkStatus();
}

void TrialState::AdvanceWatermark(int64_t event_time_ms) {
  watermark_ms_ = std::max(watermark_ms_, event_time_ms);
}

absl::Status TrialState::Retain(absl::Span<const state::StepId> /*steps*/) {
  return absl::FailedPreconditionError("a trial of a state takes no other rules");
}

absl::Status TrialState::Commit(int64_t /*applied_offset*/, std::string_view /*rule_set*/) {
  return absl::FailedPreconditionError("a trial of a state is never committed");
}

}  // namespace turnout::router

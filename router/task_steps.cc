#include "router/task_steps.h"

#include <optional>

namespace turnout::router {
namespace {

constexpr size_t kStepIdBytes = 8;

struct MeterKey {
  explicit MeterKey(state::StepId step) {
    for (size_t i = 0; i < kStepIdBytes; ++i) {
      bytes[i] = static_cast<char>(step >> (8 * (kStepIdBytes - 1 - i)));
    }
  }
  std::string_view text() const { return {bytes, kStepIdBytes}; }

  char bytes[kStepIdBytes];
};

std::optional<state::StepId> ReadMeterKey(std::string_view key) {
  if (key.size() != kStepIdBytes) return std::nullopt;
  state::StepId step = 0;
  for (const char byte : key) step = step << 8 | static_cast<unsigned char>(byte);
  return step;
}

}  // namespace

absl::Status TaskSteps::LoadMeters() {
  if (has_meters_) return absl::OkStatus();
  bool is_right = true;
  const absl::Status scanned = state_->Scan(
      state::kBookkeepingStep, {}, {}, [&](std::string_view key, std::string_view value) {
        const std::optional<state::StepId> step = ReadMeterKey(key);
        const std::optional<StateMeter> meter = StateMeter::Read(value);
        is_right = step.has_value() && meter.has_value();
        if (is_right) meters_[*step] = {.meter = *meter};
        return is_right;
      });
  if (!scanned.ok()) return scanned;
  if (!is_right) return absl::DataLossError("an entry that counts a step's bytes is damaged");
  has_meters_ = true;
  return absl::OkStatus();
}

const StateMeter* TaskSteps::FindMeter(state::StepId step) const {
  const auto found = meters_.find(step);
  return found == meters_.end() ? nullptr : &found->second.meter;
}

StateMeter& TaskSteps::ChangeMeter(state::StepId step) {
  Metered& metered = meters_[step];
  if (!metered.is_changed) {
    metered.is_changed = true;
    changed_.push_back(step);
  }
  return metered.meter;
}

void TaskSteps::WriteMeters() {
  for (const state::StepId step : changed_) {
    Metered& metered = meters_[step];
    metered.is_changed = false;
    bytes_.clear();
    metered.meter.AppendTo(&bytes_);
    state_->Put(state::kBookkeepingStep, MeterKey(step).text(), bytes_, state::kNeverExpires);
  }
  changed_.clear();
}

void TaskSteps::Seal() {
  WriteMeters();
  state_->Seal();
  is_sealed_ = true;
}

absl::Status TaskSteps::Commit(int64_t applied_offset, std::string_view rule_set) {
  if (!is_sealed_) WriteMeters();
  absl::Status committed = state_->Commit(applied_offset, rule_set);
  if (committed.ok()) is_sealed_ = false;
  return committed;
}

absl::Status TaskSteps::Retain(absl::Span<const state::StepId> steps) {
  ForgetWindows();
  if (absl::Status status = LoadMeters(); !status.ok()) return status;
  WriteMeters();
  std::vector<state::StepId> retained(steps.begin(), steps.end());
  absl::flat_hash_map<state::StepId, Metered> meters;
  for (const state::StepId step : retained) {
    const auto found = meters_.find(step);
    if (found != meters_.end()) meters.insert(*found);
  }
  for (const auto& [step, metered] : meters_) {
    if (!meters.contains(step)) state_->Delete(state::kBookkeepingStep, MeterKey(step).text());
  }
  meters_ = std::move(meters);
  retained.push_back(state::kBookkeepingStep);
  return state_->Retain(retained);
}

void TaskSteps::Rollback() {
  state_->Rollback();
  ForgetWindows();
  has_meters_ = false;
  is_sealed_ = false;
  meters_.clear();
  changed_.clear();
}

}  // namespace turnout::router

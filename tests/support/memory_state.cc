#include "tests/support/memory_state.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace turnout::support {

using state::StepId;

absl::StatusOr<bool> MemoryState::Get(StepId step, std::string_view key, std::string* value) {
  const auto found = pending_.entries.find({step, std::string(key)});
  if (found == pending_.entries.end()) return false;
  if (found->second.expires_at_ms <= watermark_ms()) return false;
  *value = found->second.value;
  return true;
}

void MemoryState::Put(StepId step, std::string_view key, std::string_view value,
                      int64_t expires_at_ms) {
  pending_.entries[{step, std::string(key)}] = {std::string(value), expires_at_ms};
  pending_bytes_ += key.size() + value.size();
}

void MemoryState::Delete(StepId step, std::string_view key) {
  pending_.entries.erase({step, std::string(key)});
  pending_bytes_ += key.size();
}

absl::Status MemoryState::Scan(StepId step, std::string_view from, std::string_view to,
                               absl::FunctionRef<bool(std::string_view, std::string_view)> visit) {
  for (const auto& [name, entry] : pending_.entries) {
    if (name.first != step || name.second < from) continue;
    if (!to.empty() && name.second >= to) continue;
    if (entry.expires_at_ms <= watermark_ms()) continue;
    if (!visit(name.second, entry.value)) break;
  }
  return absl::OkStatus();
}

void MemoryState::AdvanceWatermark(int64_t event_time_ms) {
  pending_.point.watermark_ms = std::max(pending_.point.watermark_ms, event_time_ms);
}

absl::Status MemoryState::Retain(absl::Span<const StepId> steps) {
  std::erase_if(pending_.entries, [&](const auto& entry) {
    return std::find(steps.begin(), steps.end(), entry.first.first) == steps.end();
  });
  return absl::OkStatus();
}

void MemoryState::Seal() { sealed_ = pending_; }

absl::Status MemoryState::Commit(int64_t applied_offset, std::string_view rule_set) {
  if (applied_offset < committed_.point.applied_offset) {
    return absl::InternalError("a commit that goes back");
  }
  if (!sealed_) pending_bytes_ = 0;
  committed_ = sealed_ ? *std::exchange(sealed_, std::nullopt) : pending_;
  committed_.point.applied_offset = applied_offset;
  committed_.point.rule_set = rule_set;
  committed_.point.timeline = timeline_;
  const int64_t watermark_ms = pending_.point.watermark_ms;
  pending_.point = committed_.point;
  pending_.point.watermark_ms = watermark_ms;
  return absl::OkStatus();
}

void MemoryState::Rollback() {
  pending_ = committed_;
  sealed_.reset();
  pending_bytes_ = 0;
}

std::string Dump(state::TaskState& state, absl::Span<const StepId> steps) {
  std::string text = absl::StrCat(state.point().applied_offset, " ", state.watermark_ms(), " ",
                                  state.point().rule_set, "\n");
  std::vector<StepId> all = {state::kBookkeepingStep};
  all.insert(all.end(), steps.begin(), steps.end());
  for (const StepId step : all) {
    const absl::Status status =
        state.Scan(step, {}, {}, [&](std::string_view key, std::string_view value) {
          absl::StrAppend(&text, step, " ", absl::CEscape({key.data(), key.size()}), "=",
                          absl::CEscape({value.data(), value.size()}), "\n");
          return true;
        });
    if (!status.ok()) absl::StrAppend(&text, status.ToString(), "\n");
  }
  return text;
}

}  // namespace turnout::support

// TaskSteps: what a router needs of the task whose event it routes: its state, how much of it each
// step has, and what else is known of it without looking.
//
// How much is counted by a StateMeter a step, kept in memory while the task is ours and written
// into the state with each batch that changes it: an entry of kBookkeepingStep under the step's id
// (8 bytes, big endian). So batches are sealed, committed and rolled back here.
//
// Errors: DataLoss for entries that are no meters, and those of TaskState.
// Lifetime: one for as long as the task is ours; `state` outlives it. Threads: the worker's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "router/state_meter.h"
#include "router/window_queue.h"
#include "state/task_state.h"

namespace turnout::router {

class TaskSteps {
 public:
  // `state` is borrowed.
  explicit TaskSteps(state::TaskState* state) : state_(state) {}

  state::TaskState& state() const { return *state_; }

  // Before the first event of a batch; cheap once they are known.
  absl::Status LoadMeters();
  // Null: the step keeps nothing. Valid until the next ChangeMeter.
  const StateMeter* FindMeter(state::StepId step) const;
  // It is written with the batch.
  StateMeter& ChangeMeter(state::StepId step);

  // Of the state, with the meters.
  void Seal();
  absl::Status Commit(int64_t applied_offset, std::string_view rule_set);
  absl::Status Retain(absl::Span<const state::StepId> steps);
  void Rollback();

  // The most that a team's steps can have, of the rules that were last in force; the caller keeps
  // it. Valid until the next call.
  static constexpr int64_t kNotKnown = -1;
  int64_t& TeamBytesAtMost(uint32_t team) {
    return team_bytes_.try_emplace(team, kNotKnown).first->second;
  }

  // When windows close next, of the rules that were last in force.
  WindowQueue& windows() { return windows_; }
  // Rules changed: what is known of windows and teams is to be looked up again.
  void ForgetWindows() {
    windows_.Forget();
    team_bytes_.clear();
  }

 private:
  struct Metered {
    StateMeter meter;
    bool is_changed = false;
  };

  void WriteMeters();

  state::TaskState* const state_;
  WindowQueue windows_;
  bool has_meters_ = false;
  bool is_sealed_ = false;
  absl::flat_hash_map<state::StepId, Metered> meters_;  // of steps that have kept anything
  absl::flat_hash_map<uint32_t, int64_t> team_bytes_;   // at most, by the plan's number
  std::vector<state::StepId> changed_;
  std::string bytes_;
};

}  // namespace turnout::router

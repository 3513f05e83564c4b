// TrialState: a task's state to try an event on: it answers as the state below would, keeps what is
// changed to itself, and is never committed.
//
// What an entry of the state below lives by is not asked of it, since it answers only what is seen
// at its own watermark; the plan says it (step_memory.h), so that an event that moves the time on
// meets what it would meet.
//
// Errors: those of the state below. FailedPrecondition: Commit, Retain.
// Threads: those of the state below. Lifetime: borrows all; nothing of the one below is changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "router/route_plan.h"
#include "router/step_plan.h"
#include "state/task_state.h"

namespace turnout::router {

// Of a plan, all that remember.
using StepsById = absl::flat_hash_map<state::StepId, const StepPlan*>;
StepsById RememberingSteps(const RoutePlan& plan);

class TrialState : public state::TaskState {
 public:
  // `steps` are the plan's. `below` null: it begins empty.
  TrialState(const RoutePlan& plan, const StepsById& steps, state::TaskState* below);

  const state::StatePoint& point() const override { return point_; }
  absl::StatusOr<bool> Get(state::StepId step, std::string_view key, std::string* value) override;
  void Put(state::StepId step, std::string_view key, std::string_view value,
           int64_t expires_at_ms) override;
  void Delete(state::StepId step, std::string_view key) override;
  absl::Status Scan(state::StepId step, std::string_view from, std::string_view to,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) override;
  void AdvanceWatermark(int64_t event_time_ms) override;
  int64_t watermark_ms() const override { return watermark_ms_; }
  absl::Status Retain(absl::Span<const state::StepId> steps) override;
  size_t pending_bytes() const override { return 0; }
  void Seal() override {}
  absl::Status Commit(int64_t applied_offset, std::string_view rule_set) override;
  // As it began.
  void Rollback() override;
  void GoOnIn(std::string_view /*timeline*/) override {}

 private:
  struct Change {
    std::string value;
    int64_t expires_at_ms = 0;
    bool is_deleted = false;
  };
  // By step and key.
  using Changes = std::map<std::pair<state::StepId, std::string>, Change>;

  // Whether what the state below has is still seen here.
  bool IsSeen(state::StepId step, std::string_view key, std::string_view value) const;
  bool IsSeen(const Change& change) const {
    return !change.is_deleted && change.expires_at_ms > watermark_ms_;
  }
  // Visits changes from `*at` on with keys below `to` (null data: all of the step's). False: the
  // visitor has had enough.
  bool VisitChanges(state::StepId step, std::string_view to, Changes::const_iterator* at,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) const;

  const RoutePlan& plan_;
  const StepsById& steps_;
  state::TaskState* const below_;
  state::StatePoint point_;
  int64_t watermark_ms_ = state::kNoWatermark;
  Changes changes_;
};

}  // namespace turnout::router

// StepEngine: runs the steps that remember, for one router: moves a task's time on with each event,
// finds what a step needs of the event, and asks the step.
//
// Errors: those of the task's state.
// Threads: the worker's. Lifetime: borrows the plan; a task's state only during a call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "router/aggregate.h"
#include "router/arena.h"
#include "router/event.h"
#include "router/matcher.h"
#include "router/route_plan.h"
#include "router/state_settings.h"
#include "router/step_call.h"
#include "router/task_steps.h"

namespace turnout::router {

class StepEngine {
 public:
  // Why a step rejected an event.
  struct Fault {
    uint32_t field = 0;    // position in RoutePlan::fields
    std::string_view how;  // the end of a sentence about it
  };

  // `settings` and `plan` are borrowed.
  StepEngine(const RoutePlan& plan, const StateSettings& settings)
      : plan_(plan), settings_(settings) {}

  // Every event of the task, in the order of offsets, before any of its steps. What is in `closed`
  // then are windows that it closes, with their texts in `arena`.
  absl::Status StartEvent(const Event& event, const Matcher::Scratch& fields, TaskSteps* task,
                          Arena* arena, std::vector<ClosedWindow>* closed);

  // Whether the event has the step's key; where it hasn't, `fault` says why.
  bool HasKey(const StepPlan& step, const Matcher::Scratch& fields);

  // A step other than `sample`, one of its rule's, is asked about the event. After kRejects `fault`
  // says why.
  absl::StatusOr<StepVerdict> Judge(absl::Span<const StepPlan> rule_steps, const StepPlan& step,
                                    const Matcher::Scratch& fields);
  const Fault& fault() const { return fault_; }
  // Of the event that was started: its time, and whether it is late.
  int64_t time_ms() const { return call_.time_ms; }
  bool is_late() const { return call_.late; }
  // After kSends, until the next call.
  std::string_view record() const { return record_; }
  std::string_view record_key() const { return call_.key; }

 private:
  absl::Status CloseWindows(TaskSteps* task, Arena* arena, std::vector<ClosedWindow>* closed);
  // All steps of the rule's team, for the call.
  void SetTeam(absl::Span<const StepPlan> rule_steps);
  StepVerdict Reject(uint32_t field, std::string_view how);

  const RoutePlan& plan_;
  const StateSettings& settings_;
  StepScratch scratch_;
  StepCall call_;  // of the event at hand
  Aggregate aggregate_;
  std::string record_;
  Fault fault_;
};

}  // namespace turnout::router

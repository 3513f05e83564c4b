// TaskSteps: what a router needs of the task whose event it routes: its state, and what is known of
// it without looking.
//
// Lifetime: one for as long as the task is ours; `state` outlives it. Threads: the worker's.
#pragma once

#include "state/task_state.h"

namespace turnout::router {

class TaskSteps {
 public:
  // `state` is borrowed.
  explicit TaskSteps(state::TaskState* state) : state_(state) {}

  state::TaskState& state() const { return *state_; }

  // The state was rolled back, or rules changed: what is known is to be looked up again.
  void Forget() { closing_ = Closing::kUnknown; }

  // Whether windows are due that the events so far had no room to close.
  enum class Closing { kUnknown, kDone, kBehind };
  Closing closing() const { return closing_; }
  void set_closing(Closing closing) { closing_ = closing; }

 private:
  state::TaskState* const state_;
  Closing closing_ = Closing::kUnknown;
};

}  // namespace turnout::router

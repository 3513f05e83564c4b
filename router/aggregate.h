// Aggregate: counts events into panes of `slide`, by key, of which windows of `window` are made.
//
// A window is known by its end, a multiple of the slide, and closes when the watermark gets there:
// then its panes become one record a key that had an event in it, and the oldest pane, which no
// later window needs, is deleted. Windows close in the order of their ends, those of one end in the
// order of their keys; where one event closes too many, a mark says how far it came, and the next
// one goes on. With `emit: every` there is nothing to close: each event sends the window that ends
// with its pane, and panes expire.
//
// Format, an entry's key and value in the step's state:
//   "p", a pane's start (8 bytes, big endian), key    a FeatureRecord
//   "c"                                               the mark: a window's end (8 bytes); all
//     windows up to it are closed. If 1 and a key follow: all before it, and of its own those up to
//     that key.
// With `emit: every` a pane expires when no event can count in one of its windows any more.
//
// Errors: DataLoss for damaged entries, and those of TaskState.
// Threads: the worker's. Lifetime: plans are borrowed for a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "router/arena.h"
#include "router/feature_record.h"
#include "router/matcher.h"
#include "router/step_call.h"
#include "router/step_plan.h"
#include "state/task_state.h"

namespace turnout::router {

struct ClosedWindow {
  uint32_t rule = 0;  // RuleIndex
  int64_t end_ms = 0;
  std::string_view key;
  std::string_view value;
};

class Aggregate {
 public:
  // kCounts, or kSends with the window's record in `record`, or kStopsLate.
  absl::StatusOr<StepVerdict> Judge(const AggregatePlan& plan, const StepCall& call,
                                    const Matcher::Scratch& fields, std::string* record);

  // Closes windows that are due, `*left` at most, which it counts down. Answers the end of the next
  // one: not after the watermark where more are due.
  absl::StatusOr<int64_t> CloseDue(const AggregatePlan& plan, TaskSteps* task, size_t* left,
                                   Arena* arena, std::vector<ClosedWindow>* closed);

 private:
  // How far closing has come.
  struct Mark {
    int64_t end_ms = 0;
    bool is_within = false;  // of its windows only those up to `key` are closed
    std::string key;
  };
  // A pane's entry that a window needs.
  struct Found {
    int64_t pane_ms = 0;
    std::string_view key;
    std::string_view value;
  };

  absl::Status ReadMark(const AggregatePlan& plan, state::TaskState* state);
  void WriteMark(const AggregatePlan& plan, state::TaskState* state);
  // The earliest pane from `from_ms` on; kEventTimeMsMax + 1 if there is none.
  absl::StatusOr<int64_t> FirstPane(const AggregatePlan& plan, state::TaskState* state,
                                    int64_t from_ms);
  // Entries of the window's panes behind the mark's key: those of the first `keys_max` keys at
  // least, if there are so many.
  absl::Status FindPanes(const AggregatePlan& plan, state::TaskState* state, int64_t end_ms,
                         int64_t first_pane_ms, size_t keys_max);
  // Closes windows of one end, `keys_max` at most; the mark says how far.
  absl::Status CloseWindows(const AggregatePlan& plan, TaskSteps* task, int64_t end_ms,
                            size_t keys_max, Arena* arena, std::vector<ClosedWindow>* closed);
  void DeletePane(const AggregatePlan& plan, TaskSteps* task, const Found& pane);

  FeatureRecord record_;
  Mark mark_;
  std::string state_key_;
  std::string end_key_;
  std::string stored_;
  std::string bytes_;
  Arena found_bytes_;
  std::vector<Found> found_;
};

}  // namespace turnout::router

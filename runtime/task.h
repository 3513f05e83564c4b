// Task: all that belongs to one partition of the source while it is ours.
//
//   assigned --> recovering --> replaying --> live --(revoked: all is committed)--> gone
//                    |                          \--(lost: roll back)--------------> gone
//                    \--> refused (held until somebody decides)
//
// A task that is live, or replays, waits where an event's schema is not at hand yet: the source
// holds its partition from that event on.
//
// While nothing was ever remembered for the partition it is live at once. A replay is muted: events
// change the state and lead to nothing else.
//
// Units: offsets are the next to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "router/router.h"
#include "router/task_steps.h"
#include "runtime/replay_progress.h"
#include "runtime/worker_observer.h"
#include "state/commit_note.h"
#include "state/task_state.h"

namespace turnout::runtime {

// An event whose schema is not at hand, with all that is behind it.
struct SchemaWait {
  uint32_t schema_id = 0;
  int64_t offset = 0;  // the event's
  absl::Time since;
  absl::Duration at_most;  // then it is a dead letter
  std::string why;
  bool is_held = false;  // the source delivers nothing of the partition
  bool is_told = false;
};

struct Task {
  int32_t partition = 0;
  int64_t committed_offset = -1;  // -1: nothing was ever committed
  int64_t applied_offset = -1;    // next event to take; runs ahead of committed in a transaction
  state::CommitNote note;         // as committed
  state::ParkingLedger parked;    // with what an open transaction has parked and drained
  absl::Time last_event_time;

  TaskPhase phase = TaskPhase::kLive;
  // Recovering: the note as it was found; whether the keeper knows; whether it has answered, and
  // the source is yet to be told where to go on.
  std::string note_text;
  bool is_asked_for = false;
  bool is_recovered = false;
  // The checkpoint that the state came from, 0 if it did not come from one; and from which on they
  // are not to be trusted any more, or not even where there is nothing else.
  int64_t base_checkpoint = 0;
  int64_t distrusted_from = std::numeric_limits<int64_t>::max();
  bool is_distrust_final = false;
  std::string refusal;  // refused: why, and what to do

  std::optional<SchemaWait> schema_wait;
  // What it has waited for schemas that didn't come, as of then; and when that was.
  absl::Duration waited_in_vain;
  absl::Time waited_at = absl::InfinitePast();

  // Being restored: the note once it is live, without what came after the base. Then, until some
  // commit has said so: the wish is done, but not noted.
  std::optional<state::CommitNote> restored_note;
  bool is_restore_unnoted = false;
  std::string restored_by;  // for people: from where to where

  // What its next commits are of; while it replays, the state is of the one that the note ends in,
  // or, being restored, of this one already: it is nobody's base before the note says so.
  state::TimelineSince timeline;
  std::unique_ptr<state::TaskState> state;  // null: no rule has had a use for one
  std::unique_ptr<router::TaskSteps> steps;

  // Replaying, up to committed_offset.
  int64_t replay_from = 0;
  std::vector<state::RuleSetSince> replay_since;
  std::vector<std::shared_ptr<const router::RuleSet>> replay_rules;
  size_t replay_next = 0;  // of these, the first that is not in force yet
  ReplayProgress replay_progress;
  std::unique_ptr<router::Router> replay_router;
};

}  // namespace turnout::runtime

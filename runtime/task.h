// Task: all that belongs to one partition of the source while it is ours.
//
//   assigned --> live --(revoked: everything is committed)--> gone
//                  \----(lost: roll back to the committed offset)--> gone
//
// Units: offsets are the next to read.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "state/commit_note.h"

namespace turnout::runtime {

struct Task {
  int32_t partition = 0;
  int64_t committed_offset = -1;  // -1: nothing was ever committed
  int64_t applied_offset = -1;    // next event to take; runs ahead of committed in a transaction
  state::CommitNote note;         // as committed
  absl::Time last_event_time;
};

}  // namespace turnout::runtime

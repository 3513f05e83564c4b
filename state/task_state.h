// TaskState: what the steps of one task (one source partition) remember, as the steps see it.
//
// Changes of a batch wait in memory and are read as if they were there; Commit makes them and the
// new applied offset part of the state at once, Rollback forgets them. While a batch waits for the
// log to commit it, the next one may go on from it: Seal lies between the two. Two implementations:
// TaskStore (RocksDB) and tests/support/memory_state.h.
//
// Expiry: an entry is seen while its `expires_at_ms` is greater than the watermark, event time that
// the caller advances as a part of the batch. No clock is read, so what Get answers is a function
// of the events applied and of nothing else. Units: milliseconds of event time; an offset is the
// next one to read. Errors: DataLoss for damage (let go of this store and recover from an older
// base), ResourceExhausted for a full disk and Unavailable for one that does not answer (the batch
// stays pending: Commit again, for as long as it takes or may; RocksDB looks for room every 5
// seconds). Threads: one, the task's worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace turnout::state {

// Names a step of a rule: the same number means the same keys and values. A step whose meaning
// changes gets another one.
using StepId = uint64_t;
// No step has this one: it is for what a task keeps about its steps.
inline constexpr StepId kBookkeepingStep = 0;

inline constexpr int64_t kNeverExpires = std::numeric_limits<int64_t>::max();
inline constexpr int64_t kNoWatermark = std::numeric_limits<int64_t>::min();

// How far a state has come; a part of it.
struct StatePoint {
  int64_t start_offset = 0;    // where it began, empty
  int64_t applied_offset = 0;  // the next one it has not seen
  int64_t watermark_ms = kNoWatermark;
  std::string rule_set;  // hash of the one in force at the last commit; empty before the first
  std::string timeline;  // of the last commit, as in the note beside the committed offset

  bool operator==(const StatePoint&) const = default;
};

class TaskState {
 public:
  virtual ~TaskState() = default;

  // As of the last commit.
  virtual const StatePoint& point() const = 0;

  // Sets `value` and answers true if there is an entry, pending or committed, that has not expired.
  // Answers false, `value` unspecified, if there is none.
  virtual absl::StatusOr<bool> Get(StepId step, std::string_view key, std::string* value) = 0;

  // Replaces what was there. `key` and `value` may hold any bytes.
  virtual void Put(StepId step, std::string_view key, std::string_view value,
                   int64_t expires_at_ms) = 0;

  // Nothing happens if there is no such entry.
  virtual void Delete(StepId step, std::string_view key) = 0;

  // Visits what Get would find of the step, in the order of the keys' bytes, from `from` up to but
  // without `to` (empty: to the end), until `visit` answers false. The views live as long as the
  // call of `visit`, which may not change the state. Costs what it visits; a step's first one in
  // a batch looks at all pending changes.
  virtual absl::Status Scan(
      StepId step, std::string_view from, std::string_view to,
      absl::FunctionRef<bool(std::string_view key, std::string_view value)> visit) = 0;

  // Moves the watermark forward, pending like any change; a time before it changes nothing. Who
  // calls this decides how late an event may be and how far ahead of the others: one event dated a
  // year ahead would expire a year's entries.
  virtual void AdvanceWatermark(int64_t event_time_ms) = 0;

  // Pending advances included.
  virtual int64_t watermark_ms() const = 0;

  // Deletes what all other steps have, pending like any change: for a new rule set, when it takes
  // effect. Costs a look-up a step that has state.
  virtual absl::Status Retain(absl::Span<const StepId> steps) = 0;

  // Memory that the pending changes take, roughly: a batch ends before it grows too large.
  virtual size_t pending_bytes() const = 0;

  // Closes the batch that is pending: the next Commit is of it alone, and what is changed from here
  // on is another's. Only where none is sealed.
  virtual void Seal() = 0;

  // Makes the sealed batch, or the pending one if none is sealed, and the new point the state, both
  // or neither. On an error it is still pending.
  virtual absl::Status Commit(int64_t applied_offset, std::string_view rule_set) = 0;

  // Forgets the pending changes, sealed ones too: no batch outlives the one that it goes on from.
  virtual void Rollback() = 0;

  // The commits from now on are of that timeline.
  virtual void GoOnIn(std::string_view timeline) = 0;
};

}  // namespace turnout::state

// ChangeLog: the changes of several managers in one order, as objects of a CheckpointStore.
//
// Change N is the object `changes/N`, written only if there is none: of two managers that make a
// change of the same number one is told that it was second, reads what the other has made, and
// makes its own anew on top. That alone keeps their stores equal, whatever the clocks and a lease
// (lease.h) do. A manager writes to the log before it writes to its own store and answers.
//
// Format: the change as JSON, a line, sealed (state/sealed_text.h).
// Errors: DataLoss for a change that can't be read, with its number; else those of CheckpointStore.
//   After any error of Append the change may be there or not.
// Threads: any; calls block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "deploy/manager/change.h"
#include "state/checkpoint_store.h"

namespace turnout::manager {

// Of a change in the log: each byte of a text may take six in JSON.
inline constexpr size_t kLoggedBytesMax = 8 * kChangeBytesMax;

class ChangeLog {
 public:
  // `objects` outlives it.
  explicit ChangeLog(state::CheckpointStore* objects) : objects_(objects) {}

  // False: there is one of that number.
  absl::StatusOr<bool> Append(const Change& change);

  // Nullopt: there is none, yet.
  absl::StatusOr<std::optional<Change>> Find(int64_t number);

  // The largest number there is, whatever is missing below it; 0: none. Lists all of them.
  absl::StatusOr<int64_t> Newest();

 private:
  state::CheckpointStore* const objects_;
};

}  // namespace turnout::manager

// StateReader: a task's RocksDB read from outside, changing nothing: a store that is stopped, one
// that runs (as of its last flush), or what a checkpoint was restored to.
//
// Errors: NotFound if there is no state, DataLoss for damage, Unavailable for a disk that does not
// answer. Threads: one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/state_format.h"
#include "state/task_state.h"

namespace rocksdb {
class DB;
}

namespace turnout::state {

// What one step has.
struct StepFigures {
  StepId step = 0;
  uint64_t entries = 0;
  uint64_t entries_expired = 0;  // of them: no longer seen, still on disk
  uint64_t bytes = 0;            // keys and values, before compression
};

class StateReader {
 public:
  static absl::StatusOr<std::unique_ptr<StateReader>> Open(const std::string& directory);
  ~StateReader();

  const StatePoint& point() const { return point_; }

  // All entries in the order of steps and keys, expired ones too, until `visit` answers false. The
  // views live as long as the call of `visit`.
  absl::Status ForEach(absl::FunctionRef<bool(const EntryKey&, const EntryValue&)> visit) const;

  // The same of one step.
  absl::Status ForEach(StepId step,
                       absl::FunctionRef<bool(const EntryKey&, const EntryValue&)> visit) const;

  // Of one step, from the key `from` up to, but without, `to`; an empty one is the step's end.
  absl::Status ForEach(StepId step, std::string_view from, std::string_view to,
                       absl::FunctionRef<bool(const EntryKey&, const EntryValue&)> visit) const;

  // By reading all of it.
  absl::StatusOr<std::vector<StepFigures>> Steps() const;

  uint64_t disk_bytes() const;

 private:
  explicit StateReader(std::string directory);

  absl::Status Visit(const std::string& begin, const std::string& end,
                     absl::FunctionRef<bool(const EntryKey&, const EntryValue&)> visit) const;

  const std::string directory_;
  std::unique_ptr<rocksdb::DB> db_;
  StatePoint point_;
};

}  // namespace turnout::state

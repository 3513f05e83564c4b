// StoredState: a task's store on disk, read from outside (state_reader.h), where a TaskState is
// wanted by somebody who changes nothing.
//
// Errors: those of StateReader; FailedPrecondition: Retain, Commit. Changes are not taken: put a
// state of one's own over it.
// Threads: one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/state_reader.h"
#include "state/task_state.h"

namespace turnout::state {

class StoredState : public TaskState {
 public:
  static absl::StatusOr<std::unique_ptr<StoredState>> Open(const std::string& directory);

  const StatePoint& point() const override { return reader_->point(); }
  absl::StatusOr<bool> Get(StepId step, std::string_view key, std::string* value) override;
  void Put(StepId, std::string_view, std::string_view, int64_t) override {}
  void Delete(StepId, std::string_view) override {}
  absl::Status Scan(StepId step, std::string_view from, std::string_view to,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) override;
  void AdvanceWatermark(int64_t) override {}
  int64_t watermark_ms() const override { return point().watermark_ms; }
  absl::Status Retain(absl::Span<const StepId> steps) override;
  size_t pending_bytes() const override { return 0; }
  void Seal() override {}
  absl::Status Commit(int64_t applied_offset, std::string_view rule_set) override;
  void Rollback() override {}
  void GoOnIn(std::string_view) override {}

 private:
  explicit StoredState(std::unique_ptr<StateReader> reader) : reader_(std::move(reader)) {}

  const std::unique_ptr<StateReader> reader_;
};

}  // namespace turnout::state

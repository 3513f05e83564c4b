// MemoryState: TaskState in two maps, as plain as can be. What TaskStore must answer like, and what
// simulations run on when no disk is wanted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "state/task_state.h"

namespace turnout::support {

class MemoryState : public state::TaskState {
 public:
  struct Entry {
    std::string value;
    int64_t expires_at_ms = 0;

    bool operator==(const Entry&) const = default;
  };
  using Entries = std::map<std::pair<state::StepId, std::string>, Entry>;

  struct Version {
    state::StatePoint point;
    Entries entries;
  };

  explicit MemoryState(int64_t start_offset, std::string timeline = {})
      : MemoryState(Version{.point = {.start_offset = start_offset,
                                      .applied_offset = start_offset,
                                      .timeline = std::move(timeline)}}) {}
  explicit MemoryState(Version version)
      : committed_(std::move(version)),
        pending_(committed_),
        timeline_(committed_.point.timeline) {}

  const Version& committed() const { return committed_; }
  const Version& pending() const { return pending_; }  // as it would be committed

  const state::StatePoint& point() const override { return committed_.point; }
  absl::StatusOr<bool> Get(state::StepId step, std::string_view key, std::string* value) override;
  void Put(state::StepId step, std::string_view key, std::string_view value,
           int64_t expires_at_ms) override;
  void Delete(state::StepId step, std::string_view key) override;
  absl::Status Scan(state::StepId step, std::string_view from, std::string_view to,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) override;
  void AdvanceWatermark(int64_t event_time_ms) override;
  int64_t watermark_ms() const override { return pending_.point.watermark_ms; }
  absl::Status Retain(absl::Span<const state::StepId> steps) override;
  size_t pending_bytes() const override { return pending_bytes_; }
  void Seal() override;
  absl::Status Commit(int64_t applied_offset, std::string_view rule_set) override;
  void Rollback() override;
  void GoOnIn(std::string_view timeline) override { timeline_ = timeline; }

 private:
  Version committed_;
  Version pending_;  // committed, and what is pending done to it
  std::optional<Version> sealed_;
  std::string timeline_;  // of the next commit
  size_t pending_bytes_ = 0;
};

// Everything that can be seen of these steps, and of what is counted of them, in one text: equal
// texts, equal states.
std::string Dump(state::TaskState& state, absl::Span<const state::StepId> steps);

}  // namespace turnout::support

#include "tests/simulation/state_mutations.h"

#include <algorithm>
#include <utility>

#include "state/commit_note.h"

namespace turnout::simulation {
namespace {

using state::StatePoint;
using state::TaskState;
using support::TaskPlace;

// The state of one task, with the bug in front of it.
class BuggyState : public TaskState {
 public:
  BuggyState(Mutation mutation, std::unique_ptr<TaskState> inner, support::SimulatedClock* clock)
      : mutation_(mutation), inner_(std::move(inner)), clock_(clock), point_(inner_->point()) {}

  const StatePoint& point() const override { return is_clamped_ ? point_ : inner_->point(); }
  absl::StatusOr<bool> Get(state::StepId step, std::string_view key, std::string* value) override {
    return inner_->Get(step, key, value);
  }
  void Put(state::StepId step, std::string_view key, std::string_view value,
           int64_t expires_at_ms) override {
    inner_->Put(step, key, value, expires_at_ms);
  }
  void Delete(state::StepId step, std::string_view key) override { inner_->Delete(step, key); }
  absl::Status Scan(state::StepId step, std::string_view from, std::string_view to,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) override {
    return inner_->Scan(step, from, to, visit);
  }
  void AdvanceWatermark(int64_t event_time_ms) override {
    inner_->AdvanceWatermark(event_time_ms);
    if (mutation_ == Mutation::kWatermarkFromClock) {
      inner_->AdvanceWatermark(absl::ToUnixMillis(clock_->Now()) - 1'000);
    }
  }
  int64_t watermark_ms() const override { return inner_->watermark_ms(); }
  absl::Status Retain(absl::Span<const state::StepId> steps) override {
    const bool replays = inner_->point().applied_offset < replay_to_;
    if (mutation_ == Mutation::kRetainForgottenInReplay && replays) return absl::OkStatus();
    return inner_->Retain(steps);
  }
  size_t pending_bytes() const override { return inner_->pending_bytes(); }
  void Seal() override {
    if (mutation_ != Mutation::kSealForgotten) inner_->Seal();
  }
  absl::Status Commit(int64_t applied_offset, std::string_view rule_set) override {
    is_clamped_ = false;
    if (mutation_ == Mutation::kStateOneTooFar) ++applied_offset;
    if (mutation_ == Mutation::kStateOneTooNear) --applied_offset;
    return inner_->Commit(std::max(applied_offset, inner_->point().applied_offset), rule_set);
  }
  void Rollback() override {
    if (mutation_ != Mutation::kRollbackForgotten) inner_->Rollback();
  }

  void GoOnIn(std::string_view timeline) override { inner_->GoOnIn(timeline); }

  void ReplayTo(int64_t offset) { replay_to_ = offset; }
  // Says that it is at `offset` until it commits something.
  void ClampTo(int64_t offset) {
    is_clamped_ = true;
    point_.applied_offset = offset;
  }
  TaskState& inner() { return *inner_; }
  std::unique_ptr<TaskState> Unwrap() { return std::move(inner_); }

 private:
  const Mutation mutation_;
  std::unique_ptr<TaskState> inner_;
  support::SimulatedClock* const clock_;
  StatePoint point_;
  bool is_clamped_ = false;
  int64_t replay_to_ = -1;
};

TaskState& InnerMost(TaskState& state) {
  auto* const buggy = dynamic_cast<BuggyState*>(&state);
  return buggy == nullptr ? state : InnerMost(buggy->inner());
}

class BuggyTaskPlace : public TaskPlace {
 public:
  BuggyTaskPlace(Mutation mutation, std::unique_ptr<TaskPlace> place, int64_t committed,
                 std::string timeline)
      : mutation_(mutation),
        place_(std::move(place)),
        committed_(committed),
        timeline_(std::move(timeline)) {}

  absl::StatusOr<std::unique_ptr<TaskState>> OpenLocal() override {
    auto opened = place_->OpenLocal();
    if (mutation_ == Mutation::kDamagedBegunEmpty && absl::IsDataLoss(opened.status())) {
      return place_->CreateLocal(std::max<int64_t>(committed_, 0), timeline_);
    }
    const bool is_ahead = opened.ok() && (*opened)->point().applied_offset > committed_;
    if (mutation_ != Mutation::kBaseAhead || !is_ahead) return opened;
    auto clamped = std::make_unique<BuggyState>(mutation_, *std::move(opened), nullptr);
    clamped->ClampTo(committed_);
    return std::unique_ptr<TaskState>(std::move(clamped));
  }
  absl::StatusOr<std::unique_ptr<TaskState>> CreateLocal(int64_t start_offset,
                                                         const std::string& timeline) override {
    return place_->CreateLocal(start_offset, timeline);
  }
  absl::StatusOr<std::vector<state::CheckpointFact>> Checkpoints() override {
    auto checkpoints = place_->Checkpoints();
    if (mutation_ != Mutation::kRestoreOfAnyTime || !checkpoints.ok()) return checkpoints;
    for (state::CheckpointFact& one : *checkpoints) one.created_at_ms = 0;
    return checkpoints;
  }
  absl::StatusOr<std::unique_ptr<TaskState>> Restore(int64_t sequence) override {
    return place_->Restore(sequence);
  }
  absl::Status RemoveLocal() override { return place_->RemoveLocal(); }
  absl::Status Snapshot(TaskState& state) override { return place_->Snapshot(InnerMost(state)); }
  absl::StatusOr<runtime::PublishedCheckpoint> Publish() override { return place_->Publish(); }

 private:
  const Mutation mutation_;
  const std::unique_ptr<TaskPlace> place_;
  const int64_t committed_;
  const std::string timeline_;  // that the note ends in
};

}  // namespace

std::unique_ptr<TaskPlace> BuggyPlace::PlaceOf(int32_t partition) {
  const auto found = requests.find(partition);
  int64_t committed = -1;
  std::string timeline;
  if (found != requests.end()) {
    committed = found->second.committed_offset;
    const auto note = state::DecodeCommitNote(found->second.note);
    if (note.ok() && !note->timelines.empty()) timeline = note->timelines.back().id;
  }
  return std::make_unique<BuggyTaskPlace>(mutation_, place_->PlaceOf(partition), committed,
                                          std::move(timeline));
}

std::unique_ptr<TaskState> BuggyKeeper::Wrap(std::unique_ptr<TaskState> state, int64_t replay_to) {
  if (state == nullptr) return state;
  auto buggy = std::make_unique<BuggyState>(mutation_, std::move(state), clock_);
  buggy->ReplayTo(replay_to);
  return buggy;
}

void BuggyKeeper::Recover(runtime::RecoveryRequest request) {
  buggy_place_->requests[request.partition] = request;
  keeper_->Recover(std::move(request));
}

std::optional<runtime::RecoveredTask> BuggyKeeper::TakeRecovered() {
  std::optional<runtime::RecoveredTask> recovered = keeper_->TakeRecovered();
  if (!recovered) return recovered;
  state::RecoveryPlan& plan = recovered->plan;
  recovered->state = Wrap(std::move(recovered->state), plan.replay_to);
  if (mutation_ == Mutation::kRestoreGoesOn && !plan.restored.empty()) {
    const auto note = state::DecodeCommitNote(buggy_place_->requests[recovered->partition].note);
    if (note.ok() && !note->timelines.empty()) recovered->timeline = note->timelines.back().id;
  }
  if (mutation_ == Mutation::kReplaySkipped) plan.replay_from = plan.replay_to;
  if (mutation_ == Mutation::kReplayOneTooFar && plan.replay_from < plan.replay_to) {
    ++plan.replay_from;
  }
  if (mutation_ == Mutation::kReplayWithNewestRules) {
    for (auto& rules : recovered->rule_sets) rules = rules_->Current();
  }
  return recovered;
}

absl::StatusOr<std::unique_ptr<TaskState>> BuggyKeeper::Create(int32_t partition,
                                                               int64_t start_offset) {
  auto created = keeper_->Create(partition, start_offset);
  if (!created.ok()) return created;
  return Wrap(*std::move(created), -1);
}

void BuggyKeeper::Release(int32_t partition, std::unique_ptr<TaskState> state,
                          runtime::Parting parting, absl::Time until) {
  std::unique_ptr<TaskState> inner;
  if (state != nullptr) inner = static_cast<BuggyState&>(*state).Unwrap();
  keeper_->Release(partition, std::move(inner), parting, until);
}

void BuggyKeeper::BeforeCommit(absl::Span<const connectors::SourceOffset> offsets) {
  for (const connectors::SourceOffset& offset : offsets) {
    const auto states = keeper_->states();
    const auto found = states.find(offset.partition);
    if (found == states.end()) continue;
    TaskState& state = InnerMost(*found->second);
    const auto note = state::DecodeCommitNote(offset.note);
    const std::string rules = note.ok() ? note->rule_sets.back().hash : "";
    if (mutation_ == Mutation::kStateBeforeLog) state.Commit(offset.offset, rules).IgnoreError();
    if (mutation_ == Mutation::kCheckpointAhead) {
      support::MemoryState::Version version =
          dynamic_cast<support::MemoryDiskState&>(state).memory().pending();
      version.point.applied_offset = offset.offset;
      version.point.rule_set = rules;
      support::MemoryCheckpoints& all = place_->checkpoints();
      all.tasks[offset.partition][all.NextSequence(offset.partition)] = {std::move(version)};
    }
  }
}

int64_t BuggyKeeper::LocalOffset(int32_t partition) const {
  const auto& stores = place_->disk().stores;
  const auto found = stores.find(partition);
  return found == stores.end() ? -1 : found->second.commits.back().point.applied_offset;
}

}  // namespace turnout::simulation

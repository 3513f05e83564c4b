#include "runtime/task_set.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace turnout::runtime {
namespace {

using connectors::Event;
using connectors::SourceOffset;

// A note has room for some 115 rule sets, less those in whose place it may have to name at any time
// what is parked; a checkpoint makes it short again.
constexpr size_t kRuleSetBytes = 32;
constexpr size_t kNoteRuleSetsMax = 96 - state::kParkingLedgerBytesMax / kRuleSetBytes;

bool HasRoomForRules(const Task& task) { return task.note.rule_sets.size() < kNoteRuleSetsMax; }

}  // namespace

TaskSet::TaskSet(TaskSetOptions options, connectors::Source* source, StateKeeper* keeper,
                 WorkerObserver* observer)
    : options_(std::move(options)),
      replays_(options_.source_topic, options_.is_rekeyed, options_.schemas),
      source_(source),
      keeper_(keeper),
      observer_(observer) {}

void TaskSet::Tell(const Task& task, const std::string& text) {
  observer_->OnTask(options_.worker, options_.source_topic, task.partition, task.phase, text);
}

void TaskSet::Assign(absl::Span<const SourceOffset> committed) {
  std::vector<int32_t> held;
  for (const SourceOffset& start : committed) {
    auto task = std::make_unique<Task>();
    task->partition = start.partition;
    task->committed_offset = task->applied_offset = start.offset;
    // What recovery makes of a note that can't be read is in its plan; without state it costs the
    // history of rule sets, never an event: the offset counts.
    if (auto note = state::DecodeCommitNote(start.note); note.ok()) task->note = *std::move(note);
    task->parked = task->note.parked;
    if (keeper_ != nullptr && keeper_->MayHaveState(start.partition, start.note)) {
      task->phase = TaskPhase::kRecovering;
      task->note_text = start.note;
      held.push_back(start.partition);
      ++unsettled_;
    }
    tasks_[start.partition] = std::move(task);
  }
  // Where this fails, events come that are passed over: they are read again from where the
  // recovered state has come to.
  if (!held.empty()) source_->Hold(held).IgnoreError();
}

void TaskSet::Release(absl::Span<const int32_t> partitions, Parting parting, absl::Time until) {
  bool is_handed_over = false;
  for (const int32_t partition : partitions) {
    const auto found = tasks_.find(partition);
    if (found == tasks_.end()) continue;
    Task& task = *found->second;
    if (task.phase != TaskPhase::kLive) --unsettled_;
    unnoted_restores_ -= static_cast<int>(task.is_restore_unnoted);
    if (keeper_ != nullptr && (task.state != nullptr || task.is_asked_for)) {
      task.steps.reset();
      if (task.state != nullptr) task.state->Rollback();
      is_handed_over |= parting == Parting::kHandOver;
      keeper_->Release(partition, std::move(task.state), parting, until);
    }
    std::erase(replayed_, &task);
    tasks_.erase(found);
  }
  // All at once: the group waits for this, with every partition.
  if (is_handed_over) keeper_->WaitForHandOvers(until);
}

void TaskSet::ReleaseAll(Parting parting, absl::Time until) {
  std::vector<int32_t> partitions;
  for (const Task* task : InOrder()) partitions.push_back(task->partition);
  Release(partitions, parting, until);
}

std::vector<Task*> TaskSet::InOrder() const {
  std::vector<Task*> tasks;
  for (const auto& [partition, task] : tasks_) tasks.push_back(task.get());
  std::sort(tasks.begin(), tasks.end(),
            [](const Task* a, const Task* b) { return a->partition < b->partition; });
  return tasks;
}

Task* TaskSet::Find(int32_t partition) {
  const auto found = tasks_.find(partition);
  return found == tasks_.end() ? nullptr : found->second.get();
}

bool TaskSet::Ask(Task* task, const std::shared_ptr<const router::RuleSet>& in_force) {
  const absl::StatusOr<int64_t> begin = source_->BeginOffset(task->partition);
  if (!begin.ok()) return false;
  keeper_->Recover({.partition = task->partition,
                    .committed_offset = task->committed_offset,
                    .note = task->note_text,
                    .log_start_offset = *begin,
                    .in_force = in_force,
                    .distrusted_from = task->distrusted_from,
                    .is_distrust_final = task->is_distrust_final});
  return task->is_asked_for = true;
}

void TaskSet::Take(RecoveredTask recovered) {
  Task* const task = Find(recovered.partition);
  const state::RecoveryPlan& plan = recovered.plan;
  if (task == nullptr || task->phase != TaskPhase::kRecovering) {
    keeper_->Release(recovered.partition, std::move(recovered.state), Parting::kLost,
                     absl::InfinitePast());
    return;
  }
  if (!plan.refusal.empty()) {
    task->phase = TaskPhase::kRefused;
    task->refusal = absl::StrFormat("%s: %s", plan.refusal, absl::StrJoin(plan.alerts, "; "));
    Tell(*task, task->refusal);
    return;
  }
  task->state = std::move(recovered.state);
  task->restored_note.reset();
  if (plan.restored.empty()) {
    TakeTimeline(task, std::move(recovered.timeline));
  } else {
    TakeRestored(task, recovered);
  }
  task->base_checkpoint = plan.checkpoint;
  task->replay_since = plan.rule_sets;
  task->replay_rules = std::move(recovered.rule_sets);
  task->replay_next = 0;
  task->replay_from = plan.replay_from;
  task->replay_progress = {};
  task->applied_offset =
      plan.replay_from < plan.replay_to ? plan.replay_from : task->committed_offset;
  task->is_recovered = true;
  for (const std::string& alert : plan.alerts) Tell(*task, alert);
}

// Whatever else was made of this state, by other owners or before offsets were set back, is told
// from what is committed from now on.
void TaskSet::TakeTimeline(Task* task, std::string drawn) {
  state::CommitNote& note = task->note;
  note.state_start.reset();
  if (task->state == nullptr) {
    note.timelines.clear();
    return;
  }
  const state::StatePoint& point = task->state->point();
  task->steps = std::make_unique<router::TaskSteps>(task->state.get());
  note.state_start = point.start_offset;
  note.GoOnIn(note.timelines.empty() ? state::TimelineSince{point.timeline, point.start_offset}
                                     : note.timelines.back());
  // While the note has no room its last one is gone on with: better than to lose the oldest, which
  // the newest checkpoint may be of.
  const bool has_room = note.timelines.size() < state::kTimelinesMax;
  task->timeline = has_room ? state::TimelineSince{std::move(drawn), task->committed_offset}
                            : note.timelines.back();
  if (note.timelines.size() >= state::kTimelinesMax / 2) keeper_->HurryCheckpoint(task->partition);
  task->state->GoOnIn(note.timelines.back().id);
}

// What was made of this state after its base is no part of the history any more, once the note says
// so. Until then neither it nor what is made of it now is anybody's base.
void TaskSet::TakeRestored(Task* task, const RecoveredTask& recovered) {
  state::CommitNote& note = task->restored_note.emplace(task->note);
  const state::RecoveryPlan& plan = recovered.plan;
  note.Fulfil(plan.restored);
  task->restored_by = "there was no state to rebuild";
  if (task->state == nullptr) {
    note.state_start.reset();
    note.timelines.clear();
    return;
  }
  const state::StatePoint& point = task->state->point();
  const std::string base =
      plan.base == state::RecoveryBase::kCheckpoint
          ? absl::StrFormat("checkpoint %d, at %d", plan.checkpoint, point.applied_offset)
          : absl::StrFormat("its beginning, at %d", point.applied_offset);
  task->restored_by = absl::StrFormat("rebuilt from %s, up to %d", base, plan.replay_to);
  const bool has_rules = plan.has_current_rules && !plan.rule_sets.empty();
  note.GoBackTo({.timeline = point.timeline,
                 .start_offset = point.start_offset,
                 .applied_offset = point.applied_offset,
                 .checkpoint = plan.checkpoint},
                recovered.timeline, has_rules ? plan.rule_sets.front().hash : "");
  task->timeline = note.timelines.back();
  task->steps = std::make_unique<router::TaskSteps>(task->state.get());
  task->state->GoOnIn(task->timeline.id);
}

void TaskSet::FinishRestore(Task* task) {
  if (!task->restored_note) return;
  task->note = *std::exchange(task->restored_note, std::nullopt);
  if (!std::exchange(task->is_restore_unnoted, true)) ++unnoted_restores_;
}

void TaskSet::Noted(Task* task) {
  if (!std::exchange(task->is_restore_unnoted, false)) return;
  --unnoted_restores_;
  observer_->OnRestored(options_.worker, options_.source_topic, task->partition, task->restored_by);
}

std::vector<int32_t> TaskSet::UnnotedRestores() const {
  std::vector<int32_t> partitions;
  if (unnoted_restores_ == 0) return partitions;
  for (const Task* task : InOrder()) {
    // Where nothing was ever committed, the first commit says it.
    const bool is_live = task->phase == TaskPhase::kLive && task->committed_offset >= 0;
    if (is_live && task->is_restore_unnoted) partitions.push_back(task->partition);
  }
  return partitions;
}

// The source goes on where the state has come to.
void TaskSet::Resume(Task* task) {
  const SourceOffset to = {.partition = task->partition, .offset = task->applied_offset};
  if (!source_->Rewind({&to, 1}).ok()) return;  // the next turn tries again
  task->is_recovered = false;
  if (task->applied_offset < task->committed_offset && task->applied_offset >= 0) {
    task->phase = TaskPhase::kReplaying;
    Tell(*task,
         absl::StrFormat("replaying from %d to %d", task->applied_offset, task->committed_offset));
    return;
  }
  FinishRestore(task);
  task->phase = TaskPhase::kLive;
  --unsettled_;
  if (task->state == nullptr) return;
  task->state->GoOnIn(task->timeline.id);
  Tell(*task, "");
}

void TaskSet::Advance(const std::shared_ptr<const router::RuleSet>& in_force) {
  if (unsettled_ == 0 || in_force == nullptr) return;
  const std::vector<Task*> tasks = InOrder();
  for (Task* task : tasks) {
    if (task->phase == TaskPhase::kRecovering && !task->is_asked_for) Ask(task, in_force);
  }
  while (std::optional<RecoveredTask> recovered = keeper_->TakeRecovered()) {
    Take(*std::move(recovered));
  }
  for (Task* task : tasks) {
    if (task->is_recovered) Resume(task);
  }
}

void TaskSet::AdvanceIdle() {
  if (unsettled_ == 0) return;
  for (Task* task : InOrder()) {
    if (task->phase != TaskPhase::kReplaying || task->schema_wait) continue;
    const int64_t end = source_->EndOffset(task->partition);
    const bool has_more = end < 0 || end > task->applied_offset;
    if (has_more && task->applied_offset < task->committed_offset) continue;
    // What stops this from going live now is met again at the next turn.
    GoLive(task).IgnoreError();
  }
}

absl::StatusOr<bool> TaskSet::Replay(Task* task, const Event& event) {
  if (event.offset >= task->committed_offset) {
    if (absl::Status status = GoLive(task); !status.ok()) return status;
    return false;
  }
  // The source repeats nothing by itself; what has been seen was polled before a rewind.
  if (event.offset < task->applied_offset) return true;
  if (absl::Status status = UseReplayRules(task, event.offset); !status.ok()) return status;
  if (task->replay_router == nullptr) {
    return absl::InternalError(absl::StrFormat("partition %d: no rule set for the replay of %d",
                                               task->partition, event.offset));
  }
  if (!task->note.HasGivenUp(event.offset)) {
    const RoutedEvent routed = replays_.Route(*task->replay_router, event, task->steps.get());
    const absl::Status failed =
        routed.routes == nullptr ? absl::OkStatus() : routed.routes->state_error;
    if (!failed.ok()) return failed;
  }
  task->applied_offset = event.offset + 1;
  if (replayed_.empty() || replayed_.back() != task) {
    if (std::find(replayed_.begin(), replayed_.end(), task) == replayed_.end()) {
      replayed_.push_back(task);
    }
  }
  return true;
}

// Forgets what the rules have no use for, here.
absl::Status TaskSet::Retain(const router::RuleSet& rules, router::TaskSteps* steps) const {
  steps->ForgetWindows();
  if (rules.keeps_all_steps()) return absl::OkStatus();
  const auto place = options_.is_rekeyed ? router::StepPlace::kRekeyed : router::StepPlace::kSource;
  return steps->Retain(rules.steps_at(place));
}

// Those that were in force at that offset. They forget where they took effect, as live, and nowhere
// else: who owned the task before went on with all that the state has.
absl::Status TaskSet::UseReplayRules(Task* task, int64_t offset) {
  const size_t before = task->replay_next;
  while (task->replay_next < task->replay_since.size() &&
         offset >= task->replay_since[task->replay_next].offset) {
    ++task->replay_next;
  }
  if (task->replay_next == before) return absl::OkStatus();
  const auto& rules = task->replay_rules[task->replay_next - 1];
  task->replay_router = std::make_unique<router::Router>(rules);
  const std::string& hash = task->replay_since[task->replay_next - 1].hash;
  if (before == 0 && task->state->point().rule_set == hash) return absl::OkStatus();
  return Retain(*rules, task->steps.get());
}

void TaskSet::RollBackReplays(std::vector<SourceOffset>* targets) {
  for (Task* task : InOrder()) {
    if (task->phase != TaskPhase::kReplaying) continue;
    task->steps->Rollback();
    std::erase(replayed_, task);
    task->replay_next = 0;
    task->replay_router.reset();
    // The state begins before the first event where the source has lost some.
    task->applied_offset = std::max(task->replay_from, task->state->point().applied_offset);
    targets->push_back({.partition = task->partition, .offset = task->applied_offset});
  }
}

absl::Status TaskSet::GoLive(Task* task) {
  FinishRestore(task);
  const std::string_view rule_set = task->note.rule_sets.empty()
                                        ? std::string_view()
                                        : std::string_view(task->note.rule_sets.back().hash);
  absl::Status committed = task->steps->Commit(task->committed_offset, rule_set);
  if (!committed.ok()) return committed;
  task->state->GoOnIn(task->timeline.id);
  std::erase(replayed_, task);
  task->applied_offset = task->committed_offset;
  task->replay_since.clear();
  task->replay_rules.clear();
  task->replay_router.reset();
  task->steps->ForgetWindows();  // they were that router's
  task->phase = TaskPhase::kLive;
  --unsettled_;
  Tell(*task, "");
  return absl::OkStatus();
}

absl::Status TaskSet::CommitReplays(Task** failed) {
  while (!replayed_.empty()) {
    Task* const task = *failed = replayed_.back();
    // By its name, not by the archive's copy of it, which lacks what keeps no state.
    const std::string& rule_set = task->replay_since[task->replay_next - 1].hash;
    absl::Status committed = task->steps->Commit(task->applied_offset, rule_set);
    if (!committed.ok()) return committed;
    replayed_.pop_back();
  }
  return absl::OkStatus();
}

size_t TaskSet::replay_pending_bytes() const {
  size_t bytes = 0;
  for (const Task* task : replayed_) bytes += task->state->pending_bytes();
  return bytes;
}

absl::Status TaskSet::UseRules(Task* task, const std::shared_ptr<const router::RuleSet>& in_force,
                               int64_t first_offset) {
  const router::RuleSet& rules = *in_force;
  if (task->state == nullptr) {
    if (!rules.keeps_state()) return absl::OkStatus();
    if (keeper_ == nullptr) return absl::InternalError("rules keep state, but there is no keeper");
    absl::StatusOr<std::unique_ptr<state::TaskState>> made =
        keeper_->Create(task->partition, first_offset);
    if (!made.ok()) return made.status();
    task->state = *std::move(made);
    task->timeline = {task->state->point().timeline, first_offset};
    task->note.timelines.clear();
    task->steps = std::make_unique<router::TaskSteps>(task->state.get());
  }
  // They may have taken effect while nobody here had any state.
  if (!keeper_->KeepRules(in_force)) {
    return absl::UnavailableError("the checkpoint store has not taken the rule set yet");
  }
  const std::vector<state::RuleSetSince>& used = task->note.rule_sets;
  if (!used.empty() && used.back().hash == rules.hash()) return absl::OkStatus();
  return Retain(rules, task->steps.get());
}

std::string TaskSet::WaitsFor(const Task& task) const {
  if (task.schema_wait) return task.schema_wait->why;
  if (task.phase == TaskPhase::kRefused) return task.refusal;
  if (task.phase == TaskPhase::kRecovering) return keeper_->WaitsFor(task.partition);
  return "";
}

void TaskSet::LearnCheckpoint(Task* task) {
  if (task->state == nullptr) return;
  const std::optional<PublishedCheckpoint> news = keeper_->TakePublished(task->partition);
  if (news) task->note.Checkpointed(news->sequence, news->applied_offset);
}

state::CommitNote TaskSet::NoteOf(const Task& task, const router::RuleSet* rules,
                                  int64_t first_offset) {
  state::CommitNote note = task.note;
  note.parked = task.parked;
  if (rules == nullptr) return note;
  if (task.state != nullptr) {
    note.state_start = task.state->point().start_offset;
    note.GoOnIn(task.timeline);
  }
  note.Use(rules->hash(), first_offset);
  note.trying.reset();
  return note;
}

bool TaskSet::MayUse(const std::shared_ptr<const router::RuleSet>& rules) {
  if (keeper_ == nullptr) return true;
  bool has_state = false;
  bool has_room = true;
  for (auto& [partition, task] : tasks_) {
    if (task->state == nullptr) continue;
    has_state = true;
    if (HasRoomForRules(*task)) continue;
    LearnCheckpoint(task.get());
    if (HasRoomForRules(*task)) continue;
    keeper_->HurryCheckpoint(partition);
    has_room = false;
  }
  return has_room && (!(has_state || rules->keeps_state()) || keeper_->KeepRules(rules));
}

void TaskSet::Repair(Task* task, const absl::Status& why) {
  if (task->phase == TaskPhase::kLive) ++unsettled_;
  std::erase(replayed_, task);
  task->phase = TaskPhase::kRecovering;
  task->steps.reset();
  task->replay_router.reset();
  task->schema_wait.reset();
  keeper_->Release(task->partition, std::move(task->state), Parting::kDamaged,
                   absl::InfinitePast());
  task->is_asked_for = task->is_recovered = false;
  task->restored_note.reset();
  task->note_text = state::EncodeCommitNote(task->note);
  // What is damaged may have been when it was copied, there and in whatever was copied since.
  if (task->base_checkpoint > 0) {
    task->is_distrust_final = task->base_checkpoint >= task->distrusted_from;
    task->distrusted_from = std::min(task->distrusted_from, task->base_checkpoint);
  }
  source_->Hold({&task->partition, 1}).IgnoreError();
  Tell(*task, std::string(why.message()));
}

}  // namespace turnout::runtime

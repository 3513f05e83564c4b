// TaskSet: the tasks of one worker and the life of their states: recovered when a partition comes,
// replayed muted up to where it is committed, kept in step with the rules while it is live, handed
// over when it goes.
//
// Errors: of a state, by TaskState's codes: DataLoss - Repair the task; ResourceExhausted or
//   Unavailable - the same call again later.
// Threads: the worker's.
// Lifetime: everything that is borrowed outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/source.h"
#include "router/rule_set.h"
#include "runtime/event_routing.h"
#include "runtime/state_keeper.h"
#include "runtime/task.h"
#include "runtime/worker_observer.h"

namespace turnout::runtime {

struct TaskSetOptions {
  int worker = 0;
  std::string source_topic;
  bool is_rekeyed = false;            // it is the internal topic of re-keyed events
  SchemaRegistry* schemas = nullptr;  // borrowed; null: all values are JSON
};

class TaskSet {
 public:
  // `keeper` may be null where no rule keeps state.
  TaskSet(TaskSetOptions options, connectors::Source* source, StateKeeper* keeper,
          WorkerObserver* observer);

  // Partitions come, read from where they are committed; those that may have state are held.
  void Assign(absl::Span<const connectors::SourceOffset> committed);
  // Partitions go. Nothing is pending in a hand-over.
  void Release(absl::Span<const int32_t> partitions, Parting parting, absl::Time until);
  void ReleaseAll(Parting parting, absl::Time until);

  Task* Find(int32_t partition);
  const absl::flat_hash_map<int32_t, std::unique_ptr<Task>>& all() const { return tasks_; }

  // How events are read that are replayed: with `schemas`, prepared before they are.
  EventRouting& replays() { return replays_; }

  // All are live.
  bool is_settled() const { return unsettled_ == 0; }

  // Between two transactions: asks for what is to be recovered, once there are rules, and lets go
  // on what is. Cheap when there is nothing of the kind.
  void Advance(const std::shared_ptr<const router::RuleSet>& in_force);
  // No more events were there to poll: replays that wait for some are at their end.
  void AdvanceIdle();

  // Applies an event of a replaying task, and nothing else comes of it. A task that has come to
  // where it is committed is live, and the event is not its replay's any more: false.
  absl::StatusOr<bool> Replay(Task* task, const connectors::Event& event);
  // Makes durable what the replays since the last call came to. An error is that of `failed`.
  absl::Status CommitReplays(Task** failed);
  // Memory that they take until then.
  size_t replay_pending_bytes() const;
  // Replays go back to what is durable of them; appends where they have to be read from.
  void RollBackReplays(std::vector<connectors::SourceOffset>* targets);

  // Before the first event of a transaction: the state that these rules need, without what they
  // don't. Pending like the events' own changes.
  absl::Status UseRules(Task* task, const std::shared_ptr<const router::RuleSet>& in_force,
                        int64_t first_offset);

  // Why it is not live, for people; empty when it is.
  std::string WaitsFor(const Task& task) const;

  // Of those that were restored since they came, the live ones whose notes don't say so yet.
  std::vector<int32_t> UnnotedRestores() const;
  // The task's note, as it is here, is committed.
  void Noted(Task* task);

  // What is known of checkpoints since the task's last transaction, into its note.
  void LearnCheckpoint(Task* task);
  // The task's note once what it has applied under these rules, from `first_offset` on, is
  // committed. Null: it has applied nothing, and only what is parked has changed.
  state::CommitNote NoteOf(const Task& task, const router::RuleSet* rules, int64_t first_offset);
  // Whether these may take effect: they are kept for replays, where there may be some, and the
  // notes have room for them. Where they have none, checkpoints are asked for.
  bool MayUse(const std::shared_ptr<const router::RuleSet>& rules);

  // The task's state is damaged: it is removed and recovered afresh. Nothing of it is pending.
  void Repair(Task* task, const absl::Status& why);

 private:
  // By their partitions, so that what happens does not depend on how a hash table lies.
  std::vector<Task*> InOrder() const;
  // False: the brokers don't answer.
  bool Ask(Task* task, const std::shared_ptr<const router::RuleSet>& in_force);
  void Take(RecoveredTask recovered);
  void TakeTimeline(Task* task, std::string drawn);
  void TakeRestored(Task* task, const RecoveredTask& recovered);
  void FinishRestore(Task* task);
  void Resume(Task* task);
  absl::Status Retain(const router::RuleSet& rules, router::TaskSteps* steps) const;
  absl::Status UseReplayRules(Task* task, int64_t offset);
  absl::Status GoLive(Task* task);
  void Tell(const Task& task, const std::string& text);

  const TaskSetOptions options_;
  EventRouting replays_;
  connectors::Source* const source_;
  StateKeeper* const keeper_;
  WorkerObserver* const observer_;
  absl::flat_hash_map<int32_t, std::unique_ptr<Task>> tasks_;
  int unsettled_ = 0;            // tasks that are not live
  int unnoted_restores_ = 0;     // tasks
  std::vector<Task*> replayed_;  // since the last CommitReplays
};

}  // namespace turnout::runtime

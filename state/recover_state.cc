#include "state/recover_state.h"

#include <utility>
#include <vector>

namespace turnout::state {
namespace {

absl::Status LearnLocal(absl::StatusOr<std::unique_ptr<TaskState>>* local, RecoveryFacts* facts) {
  if (local->ok()) {
    facts->local = LocalStore::kSound;
    facts->local_start_offset = (**local)->point().start_offset;
    facts->local_offset = (**local)->point().applied_offset;
  } else if (absl::IsNotFound(local->status())) {
    facts->local = LocalStore::kAbsent;
  } else if (absl::IsDataLoss(local->status())) {
    facts->local = LocalStore::kDamaged;
  } else {
    return local->status();
  }
  return absl::OkStatus();
}

// Nothing in the checkpoints could be newer than what is here, or they would have been spoken of.
bool NeedsNoCheckpoint(const RecoveryFacts& facts) {
  const bool keeps_none = facts.note && !facts.note->state_start;
  if (facts.local == LocalStore::kAbsent) return keeps_none;
  return facts.local == LocalStore::kSound && facts.committed_offset &&
         facts.local_offset == *facts.committed_offset;
}

void MarkDamaged(int64_t sequence, RecoveryFacts* facts) {
  for (CheckpointFact& one : facts->checkpoints) {
    if (one.sequence == sequence) one.sound = false;
  }
}

// True when some of the plan's rule sets are lost, and the facts now say so.
absl::StatusOr<bool> LearnLostRules(
    const RecoveryPlan& plan, absl::FunctionRef<absl::StatusOr<bool>(const std::string&)> has_rules,
    RecoveryFacts* facts) {
  bool is_news = false;
  for (const RuleSetSince& one : plan.rule_sets) {
    const absl::StatusOr<bool> has = has_rules(one.hash);
    if (!has.ok()) return has.status();
    if (*has) continue;
    facts->rule_sets_lost.push_back(one.hash);
    is_news = true;
  }
  return is_news;
}

// Leftovers of another life: what is ahead of the committed offset, and everything where the state
// begins anew.
absl::Status RemoveOtherLives(TaskHome& home, const RecoveryFacts& facts, bool begins_anew) {
  for (const CheckpointFact& one : facts.checkpoints) {
    const bool ahead = facts.committed_offset && one.applied_offset > *facts.committed_offset;
    if (!begins_anew && (!one.sound || !ahead)) continue;
    if (absl::Status status = home.Discard(one.sequence); !status.ok()) return status;
  }
  if (!begins_anew || facts.local == LocalStore::kAbsent) return absl::OkStatus();
  return home.RemoveLocal();
}

}  // namespace

absl::StatusOr<RecoveredState> RecoverState(
    TaskHome& home, RecoveryFacts facts,
    absl::FunctionRef<absl::StatusOr<bool>(const std::string& hash)> has_rules) {
  absl::StatusOr<std::unique_ptr<TaskState>> local = home.OpenLocal();
  if (absl::Status status = LearnLocal(&local, &facts); !status.ok()) return status;
  if (!NeedsNoCheckpoint(facts)) {
    absl::StatusOr<std::vector<CheckpointFact>> checkpoints = home.Checkpoints();
    if (!checkpoints.ok()) return checkpoints.status();
    facts.checkpoints = *std::move(checkpoints);
    for (CheckpointFact& one : facts.checkpoints) {
      if (one.sequence >= facts.distrusted_from) one.sound = false;
    }
  }
  while (true) {
    RecoveredState recovered{.plan = PlanRecovery(facts)};
    const RecoveryPlan& plan = recovered.plan;
    if (!plan.refusal.empty()) return recovered;
    const absl::StatusOr<bool> lost = LearnLostRules(plan, has_rules, &facts);
    if (!lost.ok()) return lost.status();
    if (*lost) continue;

    if (plan.base == RecoveryBase::kLocal) {
      recovered.state = *std::move(local);
    } else if (plan.base == RecoveryBase::kCheckpoint) {
      local = absl::NotFoundError("");  // closes it
      absl::StatusOr<std::unique_ptr<TaskState>> restored = home.Restore(plan.checkpoint);
      if (absl::IsDataLoss(restored.status())) {
        MarkDamaged(plan.checkpoint, &facts);
        local = home.OpenLocal();
        if (absl::Status status = LearnLocal(&local, &facts); !status.ok()) return status;
        continue;
      }
      if (!restored.ok()) return restored.status();
      recovered.state = *std::move(restored);
    } else {
      local = absl::NotFoundError("");
    }
    const bool begins_anew = plan.base == RecoveryBase::kEmpty;
    if (absl::Status status = RemoveOtherLives(home, facts, begins_anew); !status.ok()) {
      return status;
    }
    if (begins_anew && plan.replay_from < plan.replay_to) {
      absl::StatusOr<std::unique_ptr<TaskState>> created = home.CreateLocal(plan.replay_from);
      if (!created.ok()) return created.status();
      recovered.state = *std::move(created);
    }
    return recovered;
  }
}

}  // namespace turnout::state

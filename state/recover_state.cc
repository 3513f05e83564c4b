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
    facts->local_timeline = (**local)->point().timeline;
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
  if (OpenWish(facts) != nullptr) return false;
  const bool keeps_none = facts.note && !facts.note->state_start;
  if (facts.local == LocalStore::kAbsent) return keeps_none;
  return facts.local == LocalStore::kSound && facts.committed_offset &&
         facts.local_offset == *facts.committed_offset &&
         (!facts.note || facts.note->WentThrough(facts.local_timeline, facts.local_offset));
}

void MarkDamaged(int64_t sequence, RecoveryFacts* facts) {
  for (CheckpointFact& one : facts->checkpoints) {
    if (one.sequence == sequence) one.sound = false;
  }
}

// Takes the distrusted checkpoints out of the facts; answers those that may be taken all the same
// where there is nothing else.
std::vector<CheckpointFact> SetAside(RecoveryFacts* facts) {
  std::vector<CheckpointFact> distrusted;
  std::erase_if(facts->checkpoints, [&](const CheckpointFact& one) {
    const bool is_distrusted = one.sequence >= facts->distrusted_from;
    if (is_distrusted && !facts->is_distrust_final) distrusted.push_back(one);
    return is_distrusted;
  });
  return distrusted;
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

// The timeline that a state which begins empty is of until the task goes on in one of its own.
std::string NotedTimeline(const RecoveryFacts& facts) {
  return facts.note && !facts.note->timelines.empty() ? facts.note->timelines.back().id : "";
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
  }
  std::vector<CheckpointFact> distrusted = SetAside(&facts);
  while (true) {
    RecoveredState recovered{.plan = PlanRecovery(facts)};
    const RecoveryPlan& plan = recovered.plan;
    if (!plan.refusal.empty() && !distrusted.empty()) {
      for (CheckpointFact& one : std::exchange(distrusted, {})) {
        facts.checkpoints.push_back(std::move(one));
      }
      continue;
    }
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
    if (plan.base != RecoveryBase::kEmpty) return recovered;
    if (facts.local != LocalStore::kAbsent) {
      if (absl::Status status = home.RemoveLocal(); !status.ok()) return status;
    }
    if (plan.replay_from < plan.replay_to) {
      absl::StatusOr<std::unique_ptr<TaskState>> created =
          home.CreateLocal(plan.replay_from, NotedTimeline(facts));
      if (!created.ok()) return created.status();
      recovered.state = *std::move(created);
    }
    return recovered;
  }
}

}  // namespace turnout::state

#include "runtime/task_recovery.h"

#include <map>
#include <utility>

#include "state/commit_note.h"
#include "state/recover_state.h"

namespace turnout::runtime {

absl::StatusOr<RecoveredTask> RecoverTask(
    const RecoveryRequest& request, state::GapPolicy policy, std::string timeline,
    state::TaskHome& home,
    absl::FunctionRef<
        absl::StatusOr<std::shared_ptr<const router::RuleSet>>(const std::string& hash)>
        find_rules) {
  state::RecoveryFacts facts;
  facts.policy = policy;
  facts.rules_keep_state = request.rules_keep_state;
  facts.distrusted_from = request.distrusted_from;
  facts.is_distrust_final = request.is_distrust_final;
  facts.log_start_offset = facts.first_offset = request.log_start_offset;
  if (request.committed_offset >= 0) facts.committed_offset = request.committed_offset;
  if (auto note = state::DecodeCommitNote(request.note); note.ok()) facts.note = *std::move(note);

  std::map<std::string, std::shared_ptr<const router::RuleSet>> found;
  const auto has_rules = [&](const std::string& hash) -> absl::StatusOr<bool> {
    if (found.contains(hash)) return true;
    absl::StatusOr<std::shared_ptr<const router::RuleSet>> rules = find_rules(hash);
    if (absl::IsNotFound(rules.status()) || absl::IsDataLoss(rules.status())) return false;
    if (!rules.ok()) return rules.status();
    found[hash] = *std::move(rules);
    return true;
  };
  absl::StatusOr<state::RecoveredState> recovered =
      state::RecoverState(home, std::move(facts), has_rules);
  if (!recovered.ok()) return recovered.status();
  RecoveredTask task{.partition = request.partition,
                     .plan = std::move(recovered->plan),
                     .state = std::move(recovered->state),
                     .timeline = std::move(timeline)};
  if (!task.plan.refusal.empty()) return task;
  for (const state::RuleSetSince& one : task.plan.rule_sets) {
    task.rule_sets.push_back(found.at(one.hash));
  }
  return task;
}

}  // namespace turnout::runtime

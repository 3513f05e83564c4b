#include "runtime/task_recovery.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "router/moved_rules.h"
#include "state/commit_note.h"
#include "state/recover_state.h"

namespace turnout::runtime {
namespace {

// Rules that are named in an alert.
constexpr size_t kNamedRulesMax = 20;

bool IsLost(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsDataLoss(status);
}

std::string Quoted(const std::string& field) { return field.empty() ? "none" : field; }

std::string Names(std::vector<std::string> rules) {
  const size_t more = rules.size() - std::min(rules.size(), kNamedRulesMax);
  rules.resize(rules.size() - more);
  if (more > 0) rules.push_back(absl::StrFormat("and %d more", more));
  return absl::StrJoin(rules, ", ");
}

// The rule set that the state has last been kept in step with; empty before the first commit.
std::string LastRulesOf(const RecoveredTask& task, const std::optional<state::CommitNote>& note) {
  const bool is_noted = note && !note->rule_sets.empty() && !task.plan.has_current_rules;
  return is_noted ? note->rule_sets.back().hash : task.state->point().rule_set;
}

// Why some of what the rules of the `last` hash remember is not where those in force would look for
// it; empty: all of it is.
absl::StatusOr<std::string> FindMoved(const std::string& last, const router::RuleSet& in_force,
                                      KeptRules& kept_rules) {
  if (last.empty() || last == in_force.hash()) return "";
  const auto settings = kept_rules.FindSettings(last);
  if (!settings.ok()) return settings.status();
  const std::string& now = in_force.settings().partitioned_by;
  if (settings->partitioned_by == now) return "";
  const auto before = kept_rules.Find(last);
  if (!before.ok()) return before.status();
  std::vector<std::string> rules = router::RulesThatMove(**before, in_force);
  if (rules.empty()) return "";
  return absl::StrFormat(
      "source.partitioned_by was `%s` when this state was written and is `%s` now: some steps of "
      "these rules keep their state in other partitions by that, and begin empty there: %s",
      Quoted(settings->partitioned_by), Quoted(now), Names(std::move(rules)));
}

// The state is there; whether all steps find theirs in it.
absl::Status JudgePlaces(const std::optional<state::CommitNote>& note,
                         const router::RuleSet& in_force, state::GapPolicy policy,
                         KeptRules& kept_rules, RecoveredTask* task) {
  const std::string last = LastRulesOf(*task, note);
  absl::StatusOr<std::string> moved = FindMoved(last, in_force, kept_rules);
  if (IsLost(moved.status())) {
    task->plan.alerts.push_back(absl::StrFormat(
        "the rule set %s, which the state is of, is lost: whether source.partitioned_by has "
        "changed since is not known",
        last));
    return absl::OkStatus();
  }
  if (!moved.ok()) return moved.status();
  if (moved->empty()) return absl::OkStatus();
  if (policy == state::GapPolicy::kGoOn) {
    task->plan.alerts.push_back(*std::move(moved));
    return absl::OkStatus();
  }
  task->plan = {.refusal = state::kStateElsewhere,
                .alerts = {*std::move(moved),
                           "set source.partitioned_by back to what it was, or set state.on_gap: "
                           "go_on to have these steps begin empty"}};
  task->state.reset();
  task->rule_sets.clear();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RecoveredTask> RecoverTask(const RecoveryRequest& request, state::GapPolicy policy,
                                          std::string timeline, state::TaskHome& home,
                                          KeptRules& kept_rules) {
  const router::RuleSet* const in_force = request.in_force.get();
  state::RecoveryFacts facts;
  facts.policy = policy;
  facts.rules_keep_state =
      in_force == nullptr || in_force->keeps_state() || in_force->keeps_all_steps();
  facts.distrusted_from = request.distrusted_from;
  facts.is_distrust_final = request.is_distrust_final;
  facts.log_start_offset = facts.first_offset = request.log_start_offset;
  if (request.committed_offset >= 0) facts.committed_offset = request.committed_offset;
  if (auto note = state::DecodeCommitNote(request.note); note.ok()) facts.note = *std::move(note);
  const std::optional<state::CommitNote> note = facts.note;
  facts.restore = request.restore;
  const state::RestoreWish* const wish = state::OpenWish(facts);
  if (wish != nullptr && wish->with_current_rules && in_force != nullptr) {
    // They are noted as those that the state is of, so they must be there for whoever comes next.
    if (absl::Status kept = kept_rules.Keep(*in_force); !kept.ok()) return kept;
    facts.rules_now = in_force->hash();
  }

  std::map<std::string, std::shared_ptr<const router::RuleSet>> found;
  const auto has_rules = [&](const std::string& hash) -> absl::StatusOr<bool> {
    if (found.contains(hash)) return true;
    absl::StatusOr<std::shared_ptr<const router::RuleSet>> rules = kept_rules.Find(hash);
    if (IsLost(rules.status())) return false;
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
  if (task.state == nullptr || in_force == nullptr) return task;
  absl::Status judged = JudgePlaces(note, *in_force, policy, kept_rules, &task);
  if (!judged.ok()) return judged;
  return task;
}

}  // namespace turnout::runtime

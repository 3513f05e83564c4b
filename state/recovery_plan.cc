#include "state/recovery_plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

namespace turnout::state {
namespace {

constexpr char kCure[] =
    "set state.on_gap: go_on to live without what is lost, or bring back an older backup";
constexpr char kOffsetsCure[] =
    "set the group's offsets back to what they were (`turnout state stats` says how far a state "
    "is), or remove the state to begin anew, or set state.on_gap: go_on to live without it";

struct Candidate {
  RecoveryBase base = RecoveryBase::kEmpty;
  int64_t checkpoint = 0;
  int64_t offset = 0;
};

RecoveryPlan Refuse(std::string_view name, std::vector<std::string> alerts) {
  alerts.push_back(name == kOffsetsLost ? kOffsetsCure : kCure);
  return {.refusal = name, .alerts = std::move(alerts)};
}

RecoveryPlan BeginEmpty(int64_t offset, std::vector<std::string> alerts) {
  return {.replay_from = offset, .replay_to = offset, .alerts = std::move(alerts)};
}

// Whether anything is remembered: a state that was begun with a transaction that never committed
// has seen nothing.
bool HasState(const RecoveryFacts& facts) {
  const bool untouched =
      facts.local == LocalStore::kSound && facts.local_offset == facts.local_start_offset;
  const bool has_checkpoint = std::any_of(
      facts.checkpoints.begin(), facts.checkpoints.end(), [](const CheckpointFact& one) {
        return !one.sound || one.applied_offset != one.start_offset;
      });
  return has_checkpoint || (facts.local != LocalStore::kAbsent && !untouched);
}

bool IsOnPath(const RecoveryFacts& facts, std::string_view timeline, int64_t offset) {
  return !facts.note || facts.note->WentThrough(timeline, offset);
}

// What is there, on the path to `committed` and not ahead of it; the newest, and the nearest of
// equals.
std::optional<Candidate> NewestBase(const RecoveryFacts& facts, int64_t committed,
                                    std::vector<std::string>* alerts) {
  std::optional<Candidate> newest;
  const auto consider = [&](const Candidate& one) {
    if (!newest || one.offset > newest->offset) newest = one;
  };
  if (facts.local == LocalStore::kDamaged) alerts->push_back("the local state is damaged");
  if (facts.local == LocalStore::kSound && facts.local_offset > committed) {
    alerts->push_back(absl::StrFormat("the local state is at %d, ahead of the committed offset %d",
                                      facts.local_offset, committed));
  } else if (facts.local == LocalStore::kSound &&
             !IsOnPath(facts, facts.local_timeline, facts.local_offset)) {
    alerts->push_back(absl::StrFormat("the local state, at %d, belongs to another history",
                                      facts.local_offset));
  } else if (facts.local == LocalStore::kSound) {
    consider({.base = RecoveryBase::kLocal, .offset = facts.local_offset});
  }
  for (const CheckpointFact& one : facts.checkpoints) {
    if (!one.sound) {
      alerts->push_back(absl::StrFormat("checkpoint %d is damaged", one.sequence));
    } else if (one.applied_offset <= committed &&
               IsOnPath(facts, one.timeline, one.applied_offset)) {
      consider({.base = RecoveryBase::kCheckpoint,
                .checkpoint = one.sequence,
                .offset = one.applied_offset});
    }
  }
  if (facts.note && *facts.note->state_start <= committed) {
    consider({.offset = *facts.note->state_start});
  }
  return newest;
}

// From which offset on, at the earliest, all is known that was in force up to `committed`.
int64_t RulesKnownFrom(const RecoveryFacts& facts, int64_t committed) {
  int64_t known_from = committed;
  if (!facts.note) return known_from;
  const std::vector<RuleSetSince>& rule_sets = facts.note->rule_sets;
  for (auto next = rule_sets.rbegin(); next != rule_sets.rend(); ++next) {
    if (next->offset >= committed) continue;  // nothing to replay with it
    const auto& lost = facts.rule_sets_lost;
    if (std::find(lost.begin(), lost.end(), next->hash) != lost.end()) break;
    known_from = next->offset;
  }
  return known_from;
}

std::vector<RuleSetSince> InForce(const CommitNote& note, int64_t from, int64_t to) {
  std::vector<RuleSetSince> in_force;
  for (const RuleSetSince& one : note.rule_sets) {
    if (one.offset >= to) break;
    if (one.offset <= from) in_force.clear();
    in_force.push_back(one);
  }
  return in_force;
}

}  // namespace

RecoveryPlan PlanRecovery(const RecoveryFacts& facts) {
  std::vector<std::string> alerts;
  const bool go_on = facts.policy == GapPolicy::kGoOn;
  if (!facts.committed_offset) {
    if (!HasState(facts)) return BeginEmpty(facts.first_offset, {});
    alerts.push_back("there is state, but the group has committed no offset that it belongs to");
    if (!go_on) return Refuse(kOffsetsLost, std::move(alerts));
    return BeginEmpty(facts.first_offset, std::move(alerts));
  }

  const int64_t committed = *facts.committed_offset;
  const bool keeps_none = facts.note ? !facts.note->state_start : !facts.rules_keep_state;
  if (keeps_none) {
    if (HasState(facts)) {
      alerts.push_back(absl::StrFormat(
          "there is state, but none that belongs to the committed offset %d", committed));
    }
    return BeginEmpty(committed, std::move(alerts));
  }
  const std::optional<Candidate> base = NewestBase(facts, committed, &alerts);
  if (!base) {
    alerts.push_back(facts.note ? "no state is left that could be gone on from"
                                : "there is no state, and no note beside the committed offset that "
                                  "would say whether there was one");
    if (!go_on) return Refuse(facts.note ? kStateLost : kNoteLost, std::move(alerts));
    return BeginEmpty(committed, std::move(alerts));
  }

  RecoveryPlan plan{.base = base->base,
                    .checkpoint = base->checkpoint,
                    .replay_from = base->offset,
                    .replay_to = committed};
  if (committed < facts.log_start_offset) {
    alerts.push_back(absl::StrFormat(
        "the source begins at %d: the events from the committed offset %d up to there are lost",
        facts.log_start_offset, committed));
  }
  if (base->offset < facts.log_start_offset && base->offset < committed) {
    alerts.push_back(absl::StrFormat("the state is at %d, but the source begins at %d",
                                     base->offset, facts.log_start_offset));
    if (!go_on) return Refuse(kStateGap, std::move(alerts));
    plan.replay_from = std::min(facts.log_start_offset, committed);
  }
  if (const int64_t known_from = RulesKnownFrom(facts, committed); known_from > plan.replay_from) {
    alerts.push_back(absl::StrFormat("the state is at %d, but the rules are known from %d on",
                                     base->offset, known_from));
    if (!go_on) return Refuse(facts.note ? kRulesLost : kNoteLost, std::move(alerts));
    plan.replay_from = known_from;
  }
  if (plan.replay_from < committed) {
    plan.rule_sets = InForce(*facts.note, plan.replay_from, committed);
  }
  plan.alerts = std::move(alerts);
  return plan;
}

}  // namespace turnout::state

#include "state/recovery_plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

namespace turnout::state {
namespace {

constexpr char kCure[] =
    "set state.on_gap: go_on to live without what is lost, or bring back an older backup";
constexpr char kRestoreCure[] =
    "choose another time for state.restore.time, or take it out to go on with the state as it is";
constexpr char kRestoreRulesCure[] =
    "set state.restore.rules: current to rebuild the state by the rules that are in force now, or "
    "choose a later time";
// Checkpoints that a refusal names, the newest.
constexpr size_t kNamedCheckpointsMax = 12;
constexpr char kOffsetsCure[] =
    "set the group's offsets back to what they were (`turnout state stats` says how far a state "
    "is), or remove the state to begin anew, or set state.on_gap: go_on to live without it";

struct Candidate {
  RecoveryBase base = RecoveryBase::kEmpty;
  int64_t checkpoint = 0;
  int64_t offset = 0;
};

std::string TimeOf(int64_t unix_ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(unix_ms),
                          absl::UTCTimeZone());
}

// Which checkpoints there are, for who has to choose another time.
std::string NameCheckpoints(const RecoveryFacts& facts) {
  std::vector<std::string> names;
  for (auto next = facts.checkpoints.rbegin(); next != facts.checkpoints.rend(); ++next) {
    if (!next->sound) continue;
    if (names.size() == kNamedCheckpointsMax) {
      names.push_back("and older ones");
      break;
    }
    names.push_back(absl::StrFormat("%d of %s at %d", next->sequence, TimeOf(next->created_at_ms),
                                    next->applied_offset));
  }
  if (names.empty()) return "there is no sound checkpoint";
  return absl::StrCat("there are the checkpoints ", absl::StrJoin(names, ", "));
}

RecoveryPlan Refuse(const RecoveryFacts& facts, std::string_view name,
                    std::vector<std::string> alerts) {
  const RestoreWish* const wish = OpenWish(facts);
  if (name == kOffsetsLost) {
    alerts.push_back(kOffsetsCure);
  } else if (wish == nullptr) {
    alerts.push_back(kCure);
  } else {
    alerts.push_back(absl::StrFormat("the state is to be restored to %s; %s", TimeOf(wish->time_ms),
                                     NameCheckpoints(facts)));
    const bool rules_would_do = name == kRulesLost && !wish->with_current_rules;
    alerts.push_back(rules_would_do ? kRestoreRulesCure : kRestoreCure);
  }
  return {.refusal = name, .alerts = std::move(alerts)};
}

// Of a wish to restore there is nothing to do here.
RecoveryPlan BeginEmpty(const RecoveryFacts& facts, int64_t offset,
                        std::vector<std::string> alerts) {
  const RestoreWish* const wish = OpenWish(facts);
  return {.replay_from = offset,
          .replay_to = offset,
          .restored = wish == nullptr ? "" : wish->id(),
          .alerts = std::move(alerts)};
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
  const RestoreWish* const wish = OpenWish(facts);
  const bool may_be_local = wish == nullptr && facts.local == LocalStore::kSound;
  if (facts.local == LocalStore::kDamaged) alerts->push_back("the local state is damaged");
  if (may_be_local && facts.local_offset > committed) {
    alerts->push_back(absl::StrFormat("the local state is at %d, ahead of the committed offset %d",
                                      facts.local_offset, committed));
  } else if (may_be_local && !IsOnPath(facts, facts.local_timeline, facts.local_offset)) {
    alerts->push_back(
        absl::StrFormat("the local state, at %d, belongs to another history", facts.local_offset));
  } else if (may_be_local) {
    consider({.base = RecoveryBase::kLocal, .offset = facts.local_offset});
  }
  for (const CheckpointFact& one : facts.checkpoints) {
    if (!one.sound) {
      alerts->push_back(absl::StrFormat("checkpoint %d is damaged", one.sequence));
    } else if (wish != nullptr && one.created_at_ms > wish->time_ms) {
      continue;
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
  if (const RestoreWish* const wish = OpenWish(facts); wish && wish->with_current_rules) {
    const auto& lost = facts.rule_sets_lost;
    const bool is_lost = facts.rules_now.empty() ||
                         std::find(lost.begin(), lost.end(), facts.rules_now) != lost.end();
    return is_lost ? committed : 0;
  }
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

const RestoreWish* OpenWish(const RecoveryFacts& facts) {
  if (!facts.restore) return nullptr;
  if (facts.note && facts.note->HasFulfilled(facts.restore->id())) return nullptr;
  return &*facts.restore;
}

RecoveryPlan PlanRecovery(const RecoveryFacts& facts) {
  std::vector<std::string> alerts;
  const bool go_on = facts.policy == GapPolicy::kGoOn;
  if (!facts.committed_offset) {
    if (!HasState(facts)) return BeginEmpty(facts, facts.first_offset, {});
    alerts.push_back("there is state, but the group has committed no offset that it belongs to");
    if (!go_on) return Refuse(facts, kOffsetsLost, std::move(alerts));
    return BeginEmpty(facts, facts.first_offset, std::move(alerts));
  }

  const int64_t committed = *facts.committed_offset;
  const bool keeps_none = facts.note ? !facts.note->state_start : !facts.rules_keep_state;
  if (keeps_none) {
    if (HasState(facts)) {
      alerts.push_back(absl::StrFormat(
          "there is state, but none that belongs to the committed offset %d", committed));
    }
    return BeginEmpty(facts, committed, std::move(alerts));
  }
  const std::optional<Candidate> base = NewestBase(facts, committed, &alerts);
  if (!base) {
    alerts.push_back(facts.note ? "no state is left that could be gone on from"
                                : "there is no state, and no note beside the committed offset that "
                                  "would say whether there was one");
    if (!go_on) return Refuse(facts, facts.note ? kStateLost : kNoteLost, std::move(alerts));
    return BeginEmpty(facts, committed, std::move(alerts));
  }

  RecoveryPlan plan{.base = base->base,
                    .checkpoint = base->checkpoint,
                    .replay_from = base->offset,
                    .replay_to = committed};
  const RestoreWish* const wish = OpenWish(facts);
  if (wish != nullptr) {
    plan.restored = wish->id();
    plan.has_current_rules = wish->with_current_rules;
  }
  if (committed < facts.log_start_offset) {
    alerts.push_back(absl::StrFormat(
        "the source begins at %d: the events from the committed offset %d up to there are lost",
        facts.log_start_offset, committed));
  }
  if (base->offset < facts.log_start_offset && base->offset < committed) {
    alerts.push_back(absl::StrFormat("the state is at %d, but the source begins at %d",
                                     base->offset, facts.log_start_offset));
    if (!go_on) return Refuse(facts, kStateGap, std::move(alerts));
    plan.replay_from = std::min(facts.log_start_offset, committed);
  }
  if (const int64_t known_from = RulesKnownFrom(facts, committed); known_from > plan.replay_from) {
    alerts.push_back(absl::StrFormat("the state is at %d, but the rules are known from %d on",
                                     base->offset, known_from));
    if (!go_on) return Refuse(facts, facts.note ? kRulesLost : kNoteLost, std::move(alerts));
    plan.replay_from = known_from;
  }
  if (plan.replay_from < committed) {
    plan.rule_sets = plan.has_current_rules
                         ? std::vector<RuleSetSince>{{facts.rules_now, plan.replay_from}}
                         : InForce(*facts.note, plan.replay_from, committed);
  }
  plan.alerts = std::move(alerts);
  return plan;
}

}  // namespace turnout::state

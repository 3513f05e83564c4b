#include "state/recovery_plan.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/seeded_random.h"

namespace turnout::state {
namespace {

std::string Show(const RecoveryPlan& plan) {
  if (!plan.refusal.empty()) return std::string(plan.refusal);
  std::string text = plan.base == RecoveryBase::kLocal ? "local" : "empty";
  if (plan.base == RecoveryBase::kCheckpoint) text = absl::StrCat("checkpoint ", plan.checkpoint);
  absl::StrAppend(&text, " ", plan.replay_from, "..", plan.replay_to);
  for (const RuleSetSince& one : plan.rule_sets) {
    absl::StrAppend(&text, " ", one.hash, "@", one.offset);
  }
  return text;
}

constexpr LocalStore kAbsent = LocalStore::kAbsent;
constexpr LocalStore kDamaged = LocalStore::kDamaged;
constexpr LocalStore kSound = LocalStore::kSound;

// `note` as it lies beside the offset; empty: none. `lost` are rule sets that nobody has.
struct Case {
  const char* name;
  LocalStore local;
  int64_t local_offset;
  std::vector<CheckpointFact> checkpoints;
  std::optional<int64_t> committed;
  const char* note;
  int64_t log_start;
  std::vector<std::string> lost;
  const char* plan;
  size_t alerts;
  const char* plan_going_on;  // with GapPolicy::kGoOn
  const char* local_timeline = "";
  bool rules_keep_state = true;
};

constexpr char kNote[] = "turnout/1 state=0 rules=a@0,b@50";
constexpr char kShortNote[] = "turnout/1 state=0 checkpoint=2 rules=b@50";
constexpr char kStatelessNote[] = "turnout/1 rules=a@0,b@50";
constexpr char kHistory[] = "turnout/1 state=0 timelines=s@0,t@40,u@80 rules=a@0,b@50";

// All local stores began at 0; a group without a commit begins at 7.
const Case kCases[] = {
    {"first start of all", kAbsent, 0, {}, {}, "", 0, {}, "empty 7..7", 0, "empty 7..7"},
    {"first start again, killed before its first commit",
     kSound,
     0,
     {},
     {},
     "",
     0,
     {},
     "empty 7..7",
     0,
     "empty 7..7"},
    {"first start again, and what was handed over has seen nothing",
     kAbsent,
     0,
     {{1, true, 7, 7}},
     {},
     "",
     0,
     {},
     "empty 7..7",
     0,
     "empty 7..7"},
    {"orderly restart", kSound, 100, {}, 100, kNote, 0, {}, "local 100..100", 0, "local 100..100"},
    {"crash: the disk forgot some",
     kSound,
     40,
     {},
     100,
     kNote,
     0,
     {},
     "local 40..100 a@0 b@50",
     0,
     "local 40..100 a@0 b@50"},
    {"crash right after a rule change",
     kSound,
     50,
     {},
     100,
     kNote,
     0,
     {},
     "local 50..100 b@50",
     0,
     "local 50..100 b@50"},
    {"a rule set that begins at C is not replayed with",
     kSound,
     40,
     {},
     50,
     kNote,
     0,
     {},
     "local 40..50 a@0",
     0,
     "local 40..50 a@0"},
    {"lost disk",
     kAbsent,
     0,
     {{1, true, 30}, {2, true, 60}},
     100,
     kShortNote,
     0,
     {},
     "checkpoint 2 60..100 b@50",
     0,
     "checkpoint 2 60..100 b@50"},
    {"moved back to a pod with an old disk",
     kSound,
     55,
     {{2, true, 60}},
     100,
     kNote,
     0,
     {},
     "checkpoint 2 60..100 b@50",
     0,
     "checkpoint 2 60..100 b@50"},
    {"restart with a disk newer than the checkpoints",
     kSound,
     90,
     {{2, true, 60}},
     100,
     kNote,
     0,
     {},
     "local 90..100 b@50",
     0,
     "local 90..100 b@50"},
    {"as new as the checkpoint: the nearer one",
     kSound,
     60,
     {{2, true, 60}},
     100,
     kNote,
     0,
     {},
     "local 60..100 b@50",
     0,
     "local 60..100 b@50"},
    {"checkpoints of a zombie ahead of C",
     kAbsent,
     0,
     {{1, true, 30}, {2, true, 120}},
     100,
     kNote,
     0,
     {},
     "checkpoint 1 30..100 a@0 b@50",
     0,
     "checkpoint 1 30..100 a@0 b@50"},
    {"newest checkpoint damaged",
     kAbsent,
     0,
     {{1, true, 60}, {2, false, 0}},
     100,
     kNote,
     0,
     {},
     "checkpoint 1 60..100 b@50",
     1,
     "checkpoint 1 60..100 b@50"},
    {"local state damaged",
     kDamaged,
     0,
     {{1, true, 60}},
     100,
     kNote,
     0,
     {},
     "checkpoint 1 60..100 b@50",
     1,
     "checkpoint 1 60..100 b@50"},
    {"offsets reset to the past",
     kSound,
     100,
     {{1, true, 30}},
     70,
     kNote,
     0,
     {},
     "checkpoint 1 30..70 a@0 b@50",
     1,
     "checkpoint 1 30..70 a@0 b@50"},
    {"everything lost, the log is not",
     kAbsent,
     0,
     {},
     100,
     kNote,
     0,
     {},
     "empty 0..100 a@0 b@50",
     0,
     "empty 0..100 a@0 b@50"},
    {"everything damaged, the log is not",
     kDamaged,
     0,
     {{1, false, 0}},
     100,
     kNote,
     0,
     {},
     "empty 0..100 a@0 b@50",
     2,
     "empty 0..100 a@0 b@50"},
    {"everything lost, the log's beginning too",
     kAbsent,
     0,
     {},
     100,
     kNote,
     1,
     {},
     "state gap",
     2,
     "empty 1..100 a@0 b@50"},
    {"the log begins after the base",
     kSound,
     40,
     {},
     100,
     kNote,
     60,
     {},
     "state gap",
     2,
     "local 60..100 b@50"},
    {"the log begins after C",
     kSound,
     40,
     {},
     100,
     kNote,
     200,
     {},
     "state gap",
     3,
     "local 100..100"},
    {"the log begins after C, but nothing is to be replayed",
     kSound,
     100,
     {},
     100,
     kNote,
     200,
     {},
     "local 100..100",
     1,
     "local 100..100"},
    {"the log begins at the base",
     kSound,
     40,
     {},
     100,
     kNote,
     40,
     {},
     "local 40..100 a@0 b@50",
     0,
     "local 40..100 a@0 b@50"},
    {"the note has forgotten the rules of the base",
     kAbsent,
     0,
     {{1, true, 30}},
     100,
     kShortNote,
     0,
     {},
     "rules lost",
     2,
     "checkpoint 1 50..100 b@50"},
    {"a rule set is lost",
     kSound,
     40,
     {},
     100,
     kNote,
     0,
     {"a"},
     "rules lost",
     2,
     "local 50..100 b@50"},
    {"the rule set in force is lost",
     kSound,
     40,
     {},
     100,
     kNote,
     0,
     {"b"},
     "rules lost",
     2,
     "local 100..100"},
    {"a rule set is lost that is not needed",
     kSound,
     60,
     {},
     100,
     kNote,
     0,
     {"a"},
     "local 60..100 b@50",
     0,
     "local 60..100 b@50"},
    {"offsets set by hand, local state fits",
     kSound,
     100,
     {},
     100,
     "",
     0,
     {},
     "local 100..100",
     0,
     "local 100..100"},
    {"offsets set by hand, state is behind",
     kSound,
     40,
     {},
     100,
     "",
     0,
     {},
     "note lost",
     2,
     "local 100..100"},
    {"a note of somebody else's and no state",
     kAbsent,
     0,
     {},
     100,
     "somebody",
     0,
     {},
     "note lost",
     2,
     "empty 100..100"},
    {"the group has lost its offsets",
     kSound,
     100,
     {},
     {},
     "",
     0,
     {},
     "offsets lost",
     2,
     "empty 7..7"},
    {"the group has lost its offsets, the pod its disk",
     kAbsent,
     0,
     {{1, true, 60}},
     {},
     "",
     0,
     {},
     "offsets lost",
     2,
     "empty 7..7"},
    {"a damaged store and nothing committed",
     kDamaged,
     0,
     {},
     {},
     "",
     0,
     {},
     "offsets lost",
     2,
     "empty 7..7"},
    {"the first rules with steps",
     kAbsent,
     0,
     {},
     100,
     kStatelessNote,
     90,
     {},
     "empty 100..100",
     0,
     "empty 100..100"},
    {"state that the note does not know of belongs to another history",
     kSound,
     100,
     {},
     100,
     kStatelessNote,
     0,
     {},
     "empty 100..100",
     1,
     "empty 100..100"},
    {"the local state is of the last timeline",
     kSound,
     90,
     {},
     100,
     kHistory,
     0,
     {},
     "local 90..100 b@50",
     0,
     "local 90..100 b@50",
     "u"},
    {"of an earlier timeline, and from before it ended",
     kSound,
     80,
     {},
     100,
     kHistory,
     0,
     {},
     "local 80..100 b@50",
     0,
     "local 80..100 b@50",
     "t"},
    {"of an earlier timeline, but from after its end: an owner who was overtaken",
     kSound,
     81,
     {{1, true, 60, 0, "t"}},
     100,
     kHistory,
     0,
     {},
     "checkpoint 1 60..100 b@50",
     1,
     "checkpoint 1 60..100 b@50",
     "t"},
    {"at C exactly, but of a timeline that nobody noted: before offsets were set back",
     kSound,
     100,
     {{1, true, 60, 0, "t"}, {2, true, 95, 0, "x"}},
     100,
     kHistory,
     0,
     {},
     "checkpoint 1 60..100 b@50",
     1,
     "checkpoint 1 60..100 b@50",
     "x"},
    {"nothing is of this history, and the source still begins where it did",
     kSound,
     100,
     {{2, true, 95, 0, "x"}},
     100,
     kHistory,
     0,
     {},
     "empty 0..100 a@0 b@50",
     1,
     "empty 0..100 a@0 b@50",
     "x"},
    {"offsets set by hand, and no rule keeps state",
     kAbsent,
     0,
     {},
     100,
     "",
     0,
     {},
     "empty 100..100",
     0,
     "empty 100..100",
     "",
     false},
    {"offsets set by hand, no rule keeps state any more, and there is some",
     kAbsent,
     0,
     {{1, true, 60}},
     100,
     "",
     0,
     {},
     "empty 100..100",
     1,
     "empty 100..100",
     "",
     false},
    {"all there is is ahead of C, and the log is cut",
     kSound,
     100,
     {},
     70,
     kNote,
     10,
     {},
     "state gap",
     3,
     "empty 10..70 a@0 b@50"},
};

RecoveryFacts FactsOf(const Case& one, GapPolicy policy) {
  RecoveryFacts facts{.local = one.local,
                      .local_offset = one.local_offset,
                      .local_timeline = one.local_timeline,
                      .checkpoints = one.checkpoints,
                      .committed_offset = one.committed,
                      .log_start_offset = one.log_start,
                      .first_offset = 7,
                      .rule_sets_lost = one.lost,
                      .policy = policy,
                      .rules_keep_state = one.rules_keep_state};
  if (auto note = DecodeCommitNote(one.note); note.ok()) facts.note = *note;
  return facts;
}

TEST(RecoveryPlan, IsWhatTheTableSays) {
  for (const Case& one : kCases) {
    const RecoveryPlan plan = PlanRecovery(FactsOf(one, GapPolicy::kRefuse));
    EXPECT_EQ(Show(plan), one.plan) << one.name;
    EXPECT_EQ(plan.alerts.size(), one.alerts)
        << one.name << ": " << absl::StrJoin(plan.alerts, "; ");
    EXPECT_EQ(Show(PlanRecovery(FactsOf(one, GapPolicy::kGoOn))), one.plan_going_on) << one.name;
  }
}

// Wishes: the state at C is sound, and not what is wanted.
struct RestoreCase {
  const char* name;
  RestoreWish wish;
  std::vector<CheckpointFact> checkpoints;
  const char* note;
  int64_t log_start;
  std::vector<std::string> lost;
  const char* plan;  // behind it: what it says is done, and whether with the rules of now
  const char* alert = "";
};

constexpr RestoreWish kAt100 = {.time_ms = 100};
constexpr RestoreWish kAt100WithRules = {.time_ms = 100, .with_current_rules = true};
const std::vector<CheckpointFact> kThree = {
    {1, true, 20, 0, "s", 80}, {2, true, 60, 0, "t", 100}, {3, true, 90, 0, "u", 101}};

const RestoreCase kRestoreCases[] = {
    {"the newest at its time or before it",
     kAt100,
     kThree,
     kHistory,
     0,
     {},
     "checkpoint 2 60..100 b@50 done 100"},
    {"the newest of them is damaged",
     kAt100,
     {kThree[0], {2, false}, kThree[2]},
     kHistory,
     0,
     {},
     "checkpoint 1 20..100 a@0 b@50 done 100",
     "checkpoint 2 is damaged"},
    {"it is of a history that was left",
     kAt100,
     {kThree[0], {2, true, 60, 0, "s", 100}, kThree[2]},
     kHistory,
     0,
     {},
     "checkpoint 1 20..100 a@0 b@50 done 100"},
    {"it is done already: as ever",
     kAt100,
     kThree,
     "turnout/1 state=0 timelines=s@0,t@40,u@80 restored=7,100 rules=a@0,b@50",
     0,
     {},
     "local 100..100"},
    {"the same time with other rules is another wish",
     kAt100WithRules,
     kThree,
     "turnout/1 state=0 timelines=s@0,t@40,u@80 restored=7,100 rules=a@0,b@50",
     0,
     {},
     "checkpoint 2 60..100 now@60 done 100-current with rules of now"},
    {"no checkpoint is so old, and the source has all",
     {.time_ms = 10},
     kThree,
     kHistory,
     0,
     {},
     "empty 0..100 a@0 b@50 done 10"},
    {"no checkpoint is so old, and the source is cut",
     {.time_ms = 10},
     kThree,
     kHistory,
     1,
     {},
     "state gap",
     "there are the checkpoints 3 of 1970-01-01T00:00:00.101Z at 90, 2 of"},
    {"the source begins after the checkpoint",
     kAt100,
     kThree,
     kHistory,
     61,
     {},
     "state gap",
     "choose another time for state.restore.time"},
    {"nobody has the rules of the time",
     kAt100,
     kThree,
     kHistory,
     0,
     {"b"},
     "rules lost",
     "set state.restore.rules: current"},
    {"nobody knows them any more",
     kAt100,
     kThree,
     "turnout/1 state=0 timelines=s@0,t@40,u@80 rules=b@70",
     0,
     {},
     "rules lost",
     "set state.restore.rules: current"},
    {"the rules of now do without them",
     kAt100WithRules,
     kThree,
     "turnout/1 state=0 timelines=s@0,t@40,u@80 rules=b@70",
     0,
     {"b"},
     "checkpoint 2 60..100 now@60 done 100-current with rules of now"},
    {"the rules of now are not to be had",
     kAt100WithRules,
     kThree,
     kHistory,
     0,
     {"now"},
     "rules lost",
     "choose another time"},
    {"there was no state to restore", kAt100, {}, kStatelessNote, 0, {}, "empty 100..100 done 100"},
    {"the offset was set by hand", kAt100, kThree, "", 0, {}, "note lost"},
    {"by hand, to where a checkpoint is",
     kAt100,
     {{2, true, 100, 0, "x", 99}},
     "",
     0,
     {},
     "checkpoint 2 100..100 done 100"},
};

TEST(RecoveryPlan, OfAWishToRestoreIsWhatTheTableSays) {
  for (const RestoreCase& one : kRestoreCases) {
    RecoveryFacts facts{.local = kSound,
                        .local_offset = 100,
                        .local_timeline = "u",
                        .checkpoints = one.checkpoints,
                        .committed_offset = 100,
                        .log_start_offset = one.log_start,
                        .rule_sets_lost = one.lost,
                        .restore = one.wish,
                        .rules_now = "now"};
    if (auto note = DecodeCommitNote(one.note); note.ok()) facts.note = *note;
    // The local state of one that keeps none is not there.
    if (facts.note && !facts.note->state_start) facts.local = kAbsent;
    const RecoveryPlan plan = PlanRecovery(facts);
    std::string shown = Show(plan);
    if (plan.refusal.empty() && !plan.restored.empty()) {
      absl::StrAppend(&shown, " done ", plan.restored,
                      plan.has_current_rules ? " with rules of now" : "");
    }
    EXPECT_EQ(shown, one.plan) << one.name;
    EXPECT_THAT(absl::StrJoin(plan.alerts, "; "), ::testing::HasSubstr(one.alert)) << one.name;
  }
}

TEST(RecoveryPlan, WithoutACommitAWishIsDoneByBeginning) {
  const RecoveryPlan plan = PlanRecovery({.first_offset = 7, .restore = kAt100});
  EXPECT_EQ(Show(plan), "empty 7..7");
  EXPECT_EQ(plan.restored, "100");
}

RecoveryFacts RandomFacts(support::SeededRandom& random) {
  const auto offset = [&] { return random.Below(12); };
  RecoveryFacts facts{.local = static_cast<LocalStore>(random.Below(3)),
                      .log_start_offset = random.OneIn(2) ? 0 : offset(),
                      .first_offset = offset(),
                      .policy = random.OneIn(2) ? GapPolicy::kRefuse : GapPolicy::kGoOn};
  facts.local_start_offset = offset();
  facts.local_offset = facts.local_start_offset + offset();
  const auto timeline = [&] { return std::string(1, static_cast<char>('s' + random.Below(4))); };
  facts.local_timeline = timeline();
  facts.rules_keep_state = !random.OneIn(4);
  for (int64_t i = random.Below(3); i > 0; --i) {
    facts.checkpoints.push_back({.sequence = i,
                                 .sound = !random.OneIn(3),
                                 .applied_offset = offset(),
                                 .timeline = timeline(),
                                 .created_at_ms = offset()});
  }
  if (random.OneIn(2)) {
    facts.restore = {.time_ms = offset(), .with_current_rules = random.OneIn(2)};
    facts.rules_now = random.OneIn(8) ? "" : "now";
  }
  if (!random.OneIn(5)) facts.committed_offset = offset();
  if (random.OneIn(4)) return facts;
  facts.note.emplace();
  if (facts.restore && random.OneIn(3)) facts.note->Fulfil(facts.restore->id());
  if (!random.OneIn(3)) facts.note->state_start = offset();
  for (int64_t at = random.Below(4), i = random.Below(4); i > 0; --i, at += random.Below(5)) {
    facts.note->timelines.push_back({std::string(1, static_cast<char>('s' + i)), at});
  }
  for (int64_t at = offset(), i = random.Below(4); i > 0; --i, at += 1 + random.Below(4)) {
    facts.note->rule_sets.push_back({std::string(1, static_cast<char>('a' + i)), at});
    if (random.OneIn(8)) facts.rule_sets_lost.push_back(facts.note->rule_sets.back().hash);
  }
  return facts;
}

// A timeline that the note doesn't name, or that it had left for the next one by then.
bool IsOfAnotherHistory(const RecoveryFacts& facts, const std::string& timeline, int64_t offset) {
  if (!facts.note || facts.note->timelines.empty()) return false;
  const std::vector<TimelineSince>& all = facts.note->timelines;
  const auto own = std::find_if(all.begin(), all.end(),
                                [&](const TimelineSince& one) { return one.id == timeline; });
  if (own == all.end()) return true;
  return own + 1 != all.end() && offset > (own + 1)->offset;
}

// Where the base that the plan names is, by the facts.
int64_t OffsetOf(const RecoveryPlan& plan, const RecoveryFacts& facts) {
  if (plan.base == RecoveryBase::kLocal) {
    EXPECT_FALSE(IsOfAnotherHistory(facts, facts.local_timeline, facts.local_offset));
    return facts.local_offset;
  }
  for (const CheckpointFact& one : facts.checkpoints) {
    if (plan.base == RecoveryBase::kCheckpoint && one.sequence == plan.checkpoint) {
      EXPECT_TRUE(one.sound);
      EXPECT_FALSE(IsOfAnotherHistory(facts, one.timeline, one.applied_offset));
      return one.applied_offset;
    }
  }
  EXPECT_EQ(plan.base, RecoveryBase::kEmpty);
  return plan.replay_from;
}

TEST(RecoveryPlan, HoldsItsPromisesWhateverTheFacts) {
  support::SeededRandom random(5);
  int refused = 0;
  int restored = 0;
  for (int i = 0; i < 200'000; ++i) {
    const RecoveryFacts facts = RandomFacts(random);
    const RecoveryPlan plan = PlanRecovery(facts);
    if (!plan.refusal.empty()) {
      ++refused;
      ASSERT_EQ(facts.policy, GapPolicy::kRefuse);
      ASSERT_FALSE(plan.alerts.empty());
      continue;
    }
    const int64_t base = OffsetOf(plan, facts);
    const int64_t live = facts.committed_offset.value_or(facts.first_offset);
    ASSERT_EQ(plan.replay_to, live);
    ASSERT_LE(base, live) << "a base ahead of the log";
    ASSERT_LE(base, plan.replay_from);
    ASSERT_LE(plan.replay_from, plan.replay_to);
    ASSERT_TRUE(plan.base != RecoveryBase::kLocal || facts.local == LocalStore::kSound);
    // Once, and from no later base.
    const bool was_done =
        facts.restore && facts.note && facts.note->HasFulfilled(facts.restore->id());
    const bool is_wished = facts.restore && !was_done;
    ASSERT_EQ(plan.restored, is_wished ? facts.restore->id() : "");
    ASSERT_TRUE(is_wished || !plan.has_current_rules);
    if (is_wished) {
      ++restored;
      ASSERT_NE(plan.base, RecoveryBase::kLocal);
      for (const CheckpointFact& one : facts.checkpoints) {
        const bool is_base =
            plan.base == RecoveryBase::kCheckpoint && one.sequence == plan.checkpoint;
        ASSERT_TRUE(!is_base || one.created_at_ms <= facts.restore->time_ms);
      }
    }
    // Events are left out only by the policy, and never silently.
    if (facts.policy == GapPolicy::kRefuse) {
      ASSERT_EQ(base, plan.replay_from);
    }
    if (base < plan.replay_from) {
      ASSERT_FALSE(plan.alerts.empty());
    }
    if (plan.base == RecoveryBase::kEmpty) {
      const bool at_its_start = facts.note && facts.note->state_start == plan.replay_from;
      const bool none_was_kept = facts.note && !facts.note->state_start;
      const bool first_start = !facts.committed_offset;
      const bool none_is_wanted = !facts.note && !facts.rules_keep_state;
      ASSERT_TRUE(at_its_start || none_was_kept || first_start || none_is_wanted ||
                  !plan.alerts.empty())
          << "a silent empty start";
    }
    if (plan.replay_from == plan.replay_to) {
      ASSERT_TRUE(plan.rule_sets.empty());
      continue;
    }
    ASSERT_GE(plan.replay_from, facts.log_start_offset);
    ASSERT_FALSE(plan.rule_sets.empty());
    ASSERT_LE(plan.rule_sets.front().offset, plan.replay_from);
    for (size_t set = 0; set < plan.rule_sets.size(); ++set) {
      ASSERT_LT(plan.rule_sets[set].offset, plan.replay_to);
      if (set > 0) {
        ASSERT_GT(plan.rule_sets[set].offset, plan.replay_from);
      }
      for (const std::string& lost : facts.rule_sets_lost) {
        ASSERT_NE(plan.rule_sets[set].hash, lost);
      }
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(restored, 1000);
}

TEST(RecoveryPlan, OneMoreSoundCheckpointNeverMakesItRefuse) {
  support::SeededRandom random(6);
  for (int i = 0; i < 100'000; ++i) {
    RecoveryFacts facts = RandomFacts(random);
    if (!facts.committed_offset) continue;
    const RecoveryPlan before = PlanRecovery(facts);
    facts.checkpoints.push_back(
        {.sequence = 9, .applied_offset = random.Below(*facts.committed_offset + 1)});
    const RecoveryPlan after = PlanRecovery(facts);
    // State that the note does not know of calls for a look: an empty start is not given any more.
    if (before.base == RecoveryBase::kEmpty && !(facts.note && facts.note->state_start)) continue;
    ASSERT_TRUE(!before.refusal.empty() || after.refusal.empty())
        << Show(before) << " became " << Show(after);
  }
}

}  // namespace
}  // namespace turnout::state

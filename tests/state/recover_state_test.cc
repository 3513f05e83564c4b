// RecoverState over a home that is a few numbers: what it brings, what it leaves behind, and that a
// call that fails is made good by the next try.
#include "state/recover_state.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/memory_state.h"

namespace turnout::state {
namespace {

using support::MemoryState;

struct Local {
  int64_t start_offset = 0;
  int64_t applied_offset = 0;
  bool damaged = false;
  std::string timeline = {};
};

enum class Health { kSound, kDamagedManifest, kDamagedFile, kGone };

struct Checkpoint {
  int64_t applied_offset = 0;
  Health health = Health::kSound;
  int64_t start_offset = 0;
  std::string timeline = {};
};

std::unique_ptr<TaskState> StateAt(int64_t start_offset, int64_t applied_offset,
                                   std::string timeline) {
  auto state = std::make_unique<MemoryState>(start_offset, std::move(timeline));
  EXPECT_TRUE(state->Commit(applied_offset, "rules").ok());
  return state;
}

class FakeHome : public TaskHome {
 public:
  FakeHome(std::optional<Local> local, std::map<int64_t, Checkpoint> checkpoints)
      : local_(local), checkpoints_(std::move(checkpoints)) {}

  // The call of this number, from 1, is answered Unavailable, before or after it took effect.
  void FailCall(int number, bool after) {
    failing_ = number;
    fails_after_ = after;
    calls_ = 0;
  }
  bool failed() const { return failing_ != 0 && calls_ >= failing_; }

  absl::StatusOr<std::unique_ptr<TaskState>> OpenLocal() override {
    if (absl::Status status = Call(); !status.ok()) return status;
    if (!local_) return absl::NotFoundError("no store");
    if (local_->damaged) return absl::DataLossError("damaged");
    return StateAt(local_->start_offset, local_->applied_offset, local_->timeline);
  }
  absl::StatusOr<std::unique_ptr<TaskState>> CreateLocal(int64_t start_offset,
                                                         const std::string& timeline) override {
    const absl::Status status = Call();
    if (status.ok() || fails_after_) {
      local_ = Local{
          .start_offset = start_offset, .applied_offset = start_offset, .timeline = timeline};
    }
    if (!status.ok()) return status;
    return StateAt(start_offset, start_offset, timeline);
  }
  absl::StatusOr<std::vector<CheckpointFact>> Checkpoints() override {
    if (absl::Status status = Call(); !status.ok()) return status;
    std::vector<CheckpointFact> facts;
    for (const auto& [sequence, one] : checkpoints_) {
      CheckpointFact fact{.sequence = sequence, .sound = one.health != Health::kDamagedManifest};
      if (fact.sound) fact.applied_offset = one.applied_offset;
      if (fact.sound) fact.start_offset = one.start_offset;
      if (fact.sound) fact.timeline = one.timeline;
      facts.push_back(fact);
    }
    return facts;
  }
  absl::StatusOr<std::unique_ptr<TaskState>> Restore(int64_t sequence) override {
    const absl::Status status = Call();
    if (!status.ok() && !fails_after_) return status;
    const Checkpoint& one = checkpoints_.at(sequence);
    if (one.health != Health::kSound) {
      return status.ok() ? absl::DataLossError("damaged") : status;
    }
    local_ = Local{.start_offset = one.start_offset,
                   .applied_offset = one.applied_offset,
                   .timeline = one.timeline};
    if (!status.ok()) return status;
    return StateAt(one.start_offset, one.applied_offset, one.timeline);
  }
  absl::Status RemoveLocal() override {
    const absl::Status status = Call();
    if (status.ok() || fails_after_) local_.reset();
    return status;
  }

  // What lies here now.
  std::string Left() const {
    std::string text = "here:";
    if (local_) absl::StrAppend(&text, " ", local_->damaged ? -1 : local_->applied_offset);
    absl::StrAppend(&text, " checkpoints:");
    for (const auto& [sequence, one] : checkpoints_) absl::StrAppend(&text, " ", sequence);
    return text;
  }

 private:
  absl::Status Call() {
    return ++calls_ == failing_ ? absl::UnavailableError("away") : absl::OkStatus();
  }

  std::optional<Local> local_;
  std::map<int64_t, Checkpoint> checkpoints_;
  int calls_ = 0;
  int failing_ = 0;
  bool fails_after_ = false;
};

struct Case {
  const char* name;
  std::optional<Local> local;
  std::map<int64_t, Checkpoint> checkpoints;
  std::optional<int64_t> committed;
  const char* note;  // beside it; empty: none
  int64_t log_start;
  std::set<std::string> lost;  // rule sets
  const char* result;
  int64_t distrusted_from = 1000;
  bool is_distrust_final = false;
};

constexpr char kNote[] = "turnout/1 state=0 rules=a@0,b@50";
constexpr char kHistory[] = "turnout/1 state=0 timelines=s@0,t@40 rules=a@0,b@50";
constexpr Health kSound = Health::kSound;

const Case kCases[] = {
    {"nothing was ever there", {}, {}, {}, "", 0, {}, "empty 0..0 here: checkpoints:"},
    {"an orderly restart looks at no checkpoint",
     Local{0, 100},
     {{1, {120, kSound}}},
     100,
     kNote,
     0,
     {},
     "local 100..100 at 100 here: 100 checkpoints: 1"},
    {"a crash: the local store is replayed",
     Local{0, 40},
     {},
     100,
     kNote,
     0,
     {},
     "local 40..100 a b at 40 here: 40 checkpoints:"},
    {"a lost disk: the newest checkpoint",
     {},
     {{1, {20, kSound}}, {2, {60, kSound}}},
     100,
     kNote,
     0,
     {},
     "checkpoint 2 60..100 b at 60 here: 60 checkpoints: 1 2"},
    {"a checkpoint that turns out to be damaged: the one before it",
     {},
     {{1, {20, kSound}}, {2, {60, Health::kDamagedFile}}},
     100,
     kNote,
     0,
     {},
     "checkpoint 1 20..100 a b at 20 here: 20 checkpoints: 1 2"},
    {"a checkpoint that is gone when it is wanted: the one before it",
     {},
     {{1, {20, kSound}}, {2, {60, Health::kGone}}},
     100,
     kNote,
     0,
     {},
     "checkpoint 1 20..100 a b at 20 here: 20 checkpoints: 1 2"},
    {"damage that the list shows",
     {},
     {{1, {20, kSound}}, {2, {60, Health::kDamagedManifest}}},
     100,
     kNote,
     0,
     {},
     "checkpoint 1 20..100 a b at 20 here: 20 checkpoints: 1 2"},
    {"all checkpoints are damaged: the local store after all",
     Local{0, 10},
     {{1, {20, Health::kDamagedFile}}, {2, {60, Health::kDamagedFile}}},
     100,
     kNote,
     0,
     {},
     "local 10..100 a b at 10 here: 10 checkpoints: 1 2"},
    {"nothing sound is left: from where the state began",
     Local{0, 10, true},
     {{1, {20, Health::kDamagedFile}}},
     100,
     kNote,
     0,
     {},
     "empty 0..100 a b at 0 here: 0 checkpoints: 1"},
    {"a damaged local store, and a checkpoint",
     Local{0, 90, true},
     {{1, {60, kSound}}},
     100,
     kNote,
     0,
     {},
     "checkpoint 1 60..100 b at 60 here: 60 checkpoints: 1"},
    {"set back: what is ahead is not taken",
     Local{0, 100},
     {{1, {20, kSound}}, {2, {60, kSound}}, {3, {90, kSound}}},
     60,
     kNote,
     0,
     {},
     "checkpoint 2 60..60 at 60 here: 60 checkpoints: 1 2 3"},
    {"set back before every base: empty",
     Local{0, 100},
     {{2, {60, kSound}}},
     30,
     kNote,
     0,
     {},
     "empty 0..30 a at 0 here: 0 checkpoints: 2"},
    {"the local store is where it should be, but in another history's timeline",
     Local{0, 100, false, "x"},
     {{1, {60, kSound, 0, "t"}}, {2, {90, kSound, 0, "x"}}},
     100,
     kHistory,
     0,
     {},
     "checkpoint 1 60..100 b at 60 here: 60 checkpoints: 1 2"},
    {"empty again, and everything there is of another history",
     Local{0, 100, false, "x"},
     {{2, {90, kSound, 0, "x"}}},
     100,
     kHistory,
     0,
     {},
     "empty 0..100 a b at 0 in t here: 0 checkpoints: 2"},
    {"damaged in use: an older one is taken",
     {},
     {{1, {20, kSound}}, {2, {60, kSound}}},
     100,
     kNote,
     0,
     {},
     "checkpoint 1 20..100 a b at 20 here: 20 checkpoints: 1 2",
     2},
    {"damaged in use, and nothing else is there: it may have been this machine's disk",
     {},
     {{2, {60, kSound}}},
     100,
     kNote,
     30,
     {},
     "checkpoint 2 60..100 b at 60 here: 60 checkpoints: 2",
     2},
    {"damaged in use a second time",
     {},
     {{2, {60, kSound}}},
     100,
     kNote,
     30,
     {},
     "state gap here: checkpoints: 2",
     2,
     true},
    {"the state begins with the next event: nothing of an earlier one stays",
     Local{70, 70},
     {},
     80,
     "turnout/1 rules=a@0,b@50",
     0,
     {},
     "empty 80..80 here: checkpoints:"},
    {"the source has lost what comes after the base",
     Local{0, 40},
     {},
     100,
     kNote,
     60,
     {},
     "state gap here: 40 checkpoints:"},
    {"rules that nobody has any more: a base that doesn't need them",
     Local{0, 40},
     {{1, {60, kSound}}},
     100,
     kNote,
     0,
     {"a"},
     "checkpoint 1 60..100 b at 60 here: 60 checkpoints: 1"},
    {"rules that nobody has any more, and every base needs them",
     Local{0, 40},
     {},
     100,
     kNote,
     0,
     {"a"},
     "rules lost here: 40 checkpoints:"},
    {"state, but no committed offset",
     Local{0, 40},
     {},
     {},
     "",
     0,
     {},
     "offsets lost here: 40 checkpoints:"},
    {"a committed offset without a note", {}, {}, 100, "", 0, {}, "note lost here: checkpoints:"},
    {"nothing sound, and the state began before the source",
     {},
     {{1, {60, Health::kDamagedFile}}},
     100,
     kNote,
     30,
     {},
     "state gap here: checkpoints: 1"},
};

std::string Show(const RecoveredState& recovered) {
  const RecoveryPlan& plan = recovered.plan;
  if (!plan.refusal.empty()) return std::string(plan.refusal);
  std::string text = plan.base == RecoveryBase::kLocal ? "local" : "empty";
  if (plan.base == RecoveryBase::kCheckpoint) text = absl::StrCat("checkpoint ", plan.checkpoint);
  absl::StrAppend(&text, " ", plan.replay_from, "..", plan.replay_to);
  for (const RuleSetSince& one : plan.rule_sets) absl::StrAppend(&text, " ", one.hash);
  if (recovered.state != nullptr) {
    absl::StrAppend(&text, " at ", recovered.state->point().applied_offset);
    const std::string& timeline = recovered.state->point().timeline;
    if (plan.base == RecoveryBase::kEmpty && !timeline.empty()) {
      absl::StrAppend(&text, " in ", timeline);
    }
  }
  return text;
}

absl::StatusOr<RecoveredState> Recover(const Case& c, FakeHome& home) {
  RecoveryFacts facts;
  facts.committed_offset = c.committed;
  facts.distrusted_from = c.distrusted_from;
  facts.is_distrust_final = c.is_distrust_final;
  facts.log_start_offset = facts.first_offset = c.log_start;
  if (auto note = DecodeCommitNote(c.note); note.ok()) facts.note = *note;
  return RecoverState(home, std::move(facts), [&](const std::string& hash) -> absl::StatusOr<bool> {
    return !c.lost.contains(hash);
  });
}

TEST(RecoverStateTest, BringsTheBaseAndRemovesNothingThatIsSomebodyElses) {
  for (const Case& c : kCases) {
    FakeHome home(c.local, c.checkpoints);
    const absl::StatusOr<RecoveredState> recovered = Recover(c, home);
    ASSERT_TRUE(recovered.ok()) << c.name << ": " << recovered.status();
    EXPECT_EQ(absl::StrCat(Show(*recovered), " ", home.Left()), c.result) << c.name;
  }
}

// Whatever a failed try has done already, the next one comes to a state of the same offset that is
// replayed to the same one.
TEST(RecoverStateTest, ACallThatFailsIsMadeGoodByTheNextTry) {
  int failures = 0;
  for (const Case& c : kCases) {
    FakeHome undisturbed(c.local, c.checkpoints);
    const absl::StatusOr<RecoveredState> due = Recover(c, undisturbed);
    ASSERT_TRUE(due.ok()) << c.name;
    for (const bool after : {false, true}) {
      for (int number = 1;; ++number) {
        FakeHome home(c.local, c.checkpoints);
        home.FailCall(number, after);
        const absl::StatusOr<RecoveredState> failed = Recover(c, home);
        if (!home.failed()) break;
        ++failures;
        EXPECT_EQ(failed.status().code(), absl::StatusCode::kUnavailable) << c.name << number;
        const absl::StatusOr<RecoveredState> again = Recover(c, home);
        ASSERT_TRUE(again.ok()) << c.name << ", call " << number << ": " << again.status();
        EXPECT_EQ(again->plan.refusal, due->plan.refusal) << c.name << ", call " << number;
        EXPECT_EQ(again->plan.replay_from, due->plan.replay_from) << c.name << ", call " << number;
        EXPECT_EQ(again->plan.replay_to, due->plan.replay_to) << c.name << ", call " << number;
        EXPECT_EQ(again->plan.rule_sets, due->plan.rule_sets) << c.name << ", call " << number;
      }
    }
  }
  EXPECT_GT(failures, 50);
}

}  // namespace
}  // namespace turnout::state

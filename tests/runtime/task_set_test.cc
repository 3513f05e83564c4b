#include "runtime/task_set.h"

#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "state/recovery_plan.h"
#include "tests/support/memory_state.h"
#include "tests/support/recording_observer.h"
#include "tests/support/rules_of.h"

namespace turnout::runtime {
namespace {

using connectors::AssignmentListener;
using connectors::Event;
using connectors::SourceOffset;

constexpr int32_t kPartition = 3;
constexpr int64_t kCommitted = 40;
constexpr state::StepId kUnnamedStep = 7;

constexpr char kRules[] = R"(
team: a
destinations: [t]
rules: [{name: r, match: {x: [1]}, steps: [{dedup: {key: id, for: 1h}}], to: t}]
)";

// Says yes to everything and has no events.
class QuietSource : public connectors::Source {
 public:
  absl::StatusOr<absl::Span<const Event>> Poll(absl::Duration, AssignmentListener&) override {
    return absl::Span<const Event>();
  }
  absl::StatusOr<absl::Span<const Event>> TakeMore() override { return absl::Span<const Event>(); }
  absl::Status Rewind(absl::Span<const SourceOffset>) override { return absl::OkStatus(); }
  absl::Status Hold(absl::Span<const int32_t>) override { return absl::OkStatus(); }
  absl::StatusOr<int64_t> BeginOffset(int32_t) override { return 0; }
  absl::Status Commit(absl::Span<const SourceOffset>) override { return absl::OkStatus(); }
  connectors::GroupMetadata group_metadata() const override { return {}; }
  int64_t EndOffset(int32_t) const override { return -1; }
  absl::Status Rejoin(AssignmentListener&) override { return absl::OkStatus(); }
  void Close(AssignmentListener&, absl::Duration) override {}
};

// Gives what it was told to, and remembers what it was asked for.
class ScriptedKeeper : public StateKeeper {
 public:
  bool MayHaveState(int32_t, std::string_view) override { return !answers.empty(); }
  void Recover(RecoveryRequest request) override { asked.push_back(std::move(request)); }
  std::optional<RecoveredTask> TakeRecovered() override {
    if (answers.empty() || asked.size() == answered) return std::nullopt;
    ++answered;
    RecoveredTask answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }
  std::string WaitsFor(int32_t) override { return ""; }
  bool KeepRules(const std::shared_ptr<const router::RuleSet>&) override { return true; }
  absl::StatusOr<std::unique_ptr<state::TaskState>> Create(int32_t, int64_t offset) override {
    return std::make_unique<support::MemoryState>(offset);
  }
  void Release(int32_t, std::unique_ptr<state::TaskState>, Parting, absl::Time) override {}
  void WaitForHandOvers(absl::Time) override {}
  std::optional<PublishedCheckpoint> TakePublished(int32_t) override { return std::nullopt; }
  void HurryCheckpoint(int32_t) override {}

  std::deque<RecoveredTask> answers;
  std::vector<RecoveryRequest> asked;
  size_t answered = 0;
};

class TaskSetTest : public testing::Test {
 protected:
  // A state at the committed offset; 0: from its own disk.
  static RecoveredTask FromCheckpoint(int64_t sequence) {
    RecoveredTask task{.partition = kPartition,
                       .state = std::make_unique<support::MemoryState>(kCommitted)};
    task.plan.checkpoint = sequence;
    task.plan.replay_from = task.plan.replay_to = kCommitted;
    return task;
  }

  Task* Assign() {
    const SourceOffset committed = {.partition = kPartition, .offset = kCommitted};
    tasks_.Assign({&committed, 1});
    tasks_.Advance(rules_);
    return tasks_.Find(kPartition);
  }

  // Its state comes from these one after the other, and is damaged in use each time. What is asked
  // for then.
  RecoveryRequest Damage(const std::vector<int64_t>& checkpoints) {
    for (const int64_t one : checkpoints) keeper_.answers.push_back(FromCheckpoint(one));
    Task* const task = Assign();
    for (size_t i = 0; i < checkpoints.size(); ++i) {
      EXPECT_EQ(task->phase, TaskPhase::kLive);
      tasks_.Repair(task, absl::DataLossError("a block's checksum is wrong"));
      EXPECT_EQ(task->phase, TaskPhase::kRecovering);
      tasks_.Advance(rules_);
    }
    EXPECT_EQ(keeper_.asked.size(), checkpoints.size() + 1);
    return keeper_.asked.back();
  }

  const std::shared_ptr<const router::RuleSet> rules_ = support::RuleSetOf({kRules});
  QuietSource source_;
  ScriptedKeeper keeper_;
  support::RecordingObserver observer_;
  TaskSet tasks_{{.source_topic = "events"}, &source_, &keeper_, &observer_};
};

TEST_F(TaskSetTest, AStateThatIsDamagedInUseDistrustsTheCheckpointItCameFrom) {
  const RecoveryRequest asked = Damage({7});
  EXPECT_EQ(asked.distrusted_from, 7);
  EXPECT_FALSE(asked.is_distrust_final);  // it may have been the disk
}

TEST_F(TaskSetTest, AStateThatNeverWasACheckpointDistrustsNone) {
  EXPECT_EQ(Damage({0}).distrusted_from, std::numeric_limits<int64_t>::max());
}

TEST_F(TaskSetTest, WhatIsDamagedAgainDistrustsTheOlderOneToo) {
  const RecoveryRequest asked = Damage({7, 6});
  EXPECT_EQ(asked.distrusted_from, 6);
  EXPECT_FALSE(asked.is_distrust_final);
}

TEST_F(TaskSetTest, ACheckpointThatLeadsToDamageTwiceIsNotTakenAThirdTime) {
  const RecoveryRequest asked = Damage({7, 7});
  EXPECT_EQ(asked.distrusted_from, 7);
  EXPECT_TRUE(asked.is_distrust_final);
}

// The rules of a file that can't be read have steps that nobody can name.
TEST_F(TaskSetTest, RulesThatStandForUnreadableOnesMakeAStateForgetNothing) {
  keeper_.answers.push_back(FromCheckpoint(0));
  Task* const task = Assign();
  task->state->Put(kUnnamedStep, "key", "value", state::kNeverExpires);
  const auto use = [&](std::vector<state::StepId> kept_steps) {
    const auto rules = router::RuleSet::Build({support::TeamOf(kRules)}, {}, std::move(kept_steps));
    EXPECT_TRUE(tasks_.UseRules(task, rules, kCommitted).ok());
    std::string value;
    return task->state->Get(kUnnamedStep, "key", &value).value_or(false);
  };
  EXPECT_TRUE(use({router::kAllSteps}));
  EXPECT_FALSE(use({}));
}

// What it kept before, where its key was the source's, is of no use any more: stale, if it is ever
// again.
TEST_F(TaskSetTest, AStateForgetsStepsThatKeepTheirStateBeyondTheHop) {
  const router::Team team = support::TeamOf(kRules);
  const state::StepId step = team->rules[0].steps[0].id;
  const auto is_kept = [&](bool is_rekeyed, const std::string& partitioned_by) {
    ScriptedKeeper keeper;
    TaskSet tasks({.source_topic = "events", .is_rekeyed = is_rekeyed}, &source_, &keeper,
                  &observer_);
    const SourceOffset committed = {.partition = kPartition, .offset = kCommitted};
    tasks.Assign({&committed, 1});
    Task* const task = tasks.Find(kPartition);
    const auto use = [&](std::shared_ptr<const router::RuleSet> rules) {
      EXPECT_TRUE(tasks.UseRules(task, rules, kCommitted).ok());
    };
    use(router::RuleSet::Build({}, {}, {step}));
    task->state->Put(step, "key", "value", state::kNeverExpires);
    use(router::RuleSet::Build({team}, {.partitioned_by = partitioned_by}));
    std::string value;
    return task->state->Get(step, "key", &value).value_or(false);
  };
  EXPECT_TRUE(is_kept(/*is_rekeyed=*/false, "id"));
  EXPECT_FALSE(is_kept(/*is_rekeyed=*/false, "other"));
  EXPECT_TRUE(is_kept(/*is_rekeyed=*/true, "other"));
  EXPECT_FALSE(is_kept(/*is_rekeyed=*/true, "id"));
}

// Live, rules make a state forget where they take effect, and nowhere else. The event is passed
// over, so that nothing is written anew.
TEST_F(TaskSetTest, AReplayForgetsOnlyWhereOtherRulesTakeEffect) {
  const auto is_kept = [&](const std::string& last_rules) {
    auto state = std::make_unique<support::MemoryState>(0);
    state->Put(kUnnamedStep, "key", "value", state::kNeverExpires);
    EXPECT_TRUE(state->Commit(kCommitted - 1, last_rules).ok());
    RecoveredTask recovered = FromCheckpoint(0);
    recovered.state = std::move(state);
    recovered.plan.replay_from = kCommitted - 1;
    recovered.plan.rule_sets = {{rules_->hash(), kCommitted - 1}};
    recovered.rule_sets = {rules_};
    ScriptedKeeper keeper;
    keeper.answers.push_back(std::move(recovered));
    TaskSet tasks({.source_topic = "events"}, &source_, &keeper, &observer_);
    state::CommitNote note;
    note.GiveUp(kCommitted - 1);
    const SourceOffset committed = {
        .partition = kPartition, .offset = kCommitted, .note = EncodeCommitNote(note)};
    tasks.Assign({&committed, 1});
    tasks.Advance(rules_);
    Task* const task = tasks.Find(kPartition);
    EXPECT_TRUE(tasks.Replay(task, {.partition = kPartition, .offset = kCommitted - 1}).value());
    std::string value;
    return task->state->Get(kUnnamedStep, "key", &value).value_or(false);
  };
  EXPECT_TRUE(is_kept(rules_->hash()));
  EXPECT_FALSE(is_kept("of another rule set"));
}

}  // namespace
}  // namespace turnout::runtime

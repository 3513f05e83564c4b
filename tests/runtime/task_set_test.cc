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
    tasks_.Advance();
    return tasks_.Find(kPartition);
  }

  // From which checkpoint on the next recovery trusts none.
  int64_t DistrustedAfterDamage(int64_t sequence) {
    keeper_.answers.push_back(FromCheckpoint(sequence));
    Task* const task = Assign();
    EXPECT_EQ(task->phase, TaskPhase::kLive);
    tasks_.Repair(task, absl::DataLossError("a block's checksum is wrong"));
    EXPECT_EQ(task->phase, TaskPhase::kRecovering);
    tasks_.Advance();
    return keeper_.asked.back().distrusted_from;
  }

  QuietSource source_;
  ScriptedKeeper keeper_;
  support::RecordingObserver observer_;
  TaskSet tasks_{{.source_topic = "events"}, &source_, &keeper_, &observer_};
};

TEST_F(TaskSetTest, AStateThatIsDamagedInUseDistrustsTheCheckpointItCameFrom) {
  EXPECT_EQ(DistrustedAfterDamage(7), 7);
  EXPECT_EQ(keeper_.asked.size(), 2u);
}

TEST_F(TaskSetTest, AStateThatNeverWasACheckpointDistrustsNone) {
  EXPECT_EQ(DistrustedAfterDamage(0), std::numeric_limits<int64_t>::max());
}

// Of the two checkpoints that it came from one after the other, the older one's damage counts.
TEST_F(TaskSetTest, WhatIsDamagedAgainGoesBackFurther) {
  keeper_.answers.push_back(FromCheckpoint(7));
  keeper_.answers.push_back(FromCheckpoint(6));
  Task* const task = Assign();
  for (int i = 0; i < 2; ++i) {
    tasks_.Repair(task, absl::DataLossError("damaged"));
    tasks_.Advance();
  }
  EXPECT_EQ(keeper_.asked.back().distrusted_from, 6);
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

}  // namespace
}  // namespace turnout::runtime

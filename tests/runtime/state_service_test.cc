#include "runtime/state_service.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/rule_loader.h"
#include "state/commit_note.h"
#include "state/directory_checkpoint_store.h"
#include "tests/support/rules_of.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using state::RecoveryBase;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr state::StepId kStep = 7;
constexpr int32_t kPartition = 3;

// A store that can be made to fail, or to be slow.
class FlakyStore : public state::DirectoryCheckpointStore {
 public:
  using DirectoryCheckpointStore::DirectoryCheckpointStore;
  absl::StatusOr<std::vector<state::StoredObject>> List(std::string_view prefix) override {
    {
      absl::MutexLock lock(&mu_);
      ++listing_;
      mu_.Await(absl::Condition(&may_list_));
      --listing_;
    }
    return DirectoryCheckpointStore::List(prefix);
  }
  void LetList(bool may) {
    absl::MutexLock lock(&mu_);
    may_list_ = may;
  }
  // Waits until so many threads are in the middle of it. False: they were not in that time.
  bool AreListing(int count, absl::Duration at_most) {
    const auto are = [&] {
      mu_.AssertReaderHeld();
      return listing_ == count;
    };
    absl::MutexLock lock(&mu_);
    return mu_.AwaitWithTimeout(absl::Condition(&are), at_most);
  }
  absl::StatusOr<bool> PutIfAbsent(std::string_view name, std::string_view bytes) override {
    if (away) return absl::UnavailableError("the store is away");
    const bool is_refused = !refused.empty() && name.find(refused) != std::string_view::npos;
    if (is_refused) return absl::UnavailableError("the store refuses this one");
    return DirectoryCheckpointStore::PutIfAbsent(name, bytes);
  }
  std::atomic<bool> away{false};
  std::string refused;  // objects with this in their names; set before the service starts

 private:
  absl::Mutex mu_;
  bool may_list_ ABSL_GUARDED_BY(mu_) = true;
  int listing_ ABSL_GUARDED_BY(mu_) = 0;
};

class StateServiceTest : public testing::Test {
 protected:
  // A process whose disk is `disk`; all share the checkpoints.
  struct Process {
    std::unique_ptr<StateService> service;
    std::unique_ptr<StateKeeper> keeper;
  };
  Process Start(const std::string& disk) {
    StateServiceOptions options;
    options.directory = directory_.path() + "/" + disk;
    options.topic = "events";
    options.group = "turnout-Events";
    options.gap_policy = gap_policy_;
    options.restore = restore_;
    options.checkpoint_interval = interval_;
    options.figures_interval = figures_interval_;
    options.unused_store_for = unused_store_for_;
    options.unused_store_look_every = absl::Milliseconds(10);
    options.caution = caution_;
    options.only_rules = only_rules_;
    options.on_trouble = [this](const std::string& what) { Tell(&troubles_, what); };
    options.on_notice = [this](const std::string& what) { Tell(&notices_, what); };
    Process process;
    process.service = std::make_unique<StateService>(std::move(options), &resources_, &store_);
    process.keeper = process.service->KeeperFor(0);
    return process;
  }

  void Tell(std::vector<std::string>* to, const std::string& what) {
    absl::MutexLock lock(&mutex_);
    to->push_back(what);
  }
  std::vector<std::string> Told(const std::vector<std::string>& of) {
    absl::MutexLock lock(&mutex_);
    return of;
  }

  // Until it holds, or fails.
  static void Await(const std::string& what, absl::FunctionRef<bool()> holds) {
    for (int i = 0; i < 2000; ++i) {
      if (holds()) return;
      absl::SleepFor(absl::Milliseconds(10));
    }
    ADD_FAILURE() << "waited too long for " << what;
  }

  static std::shared_ptr<const router::RuleSet> RulesOf(const std::string& team) {
    return support::RuleSetOf({absl::StrCat(
        "team: ", team, "\ndestinations: [t]\nrules: [{name: r, match: {x: [1]}, to: t}]\n")});
  }

  static std::string Note(int64_t start, int64_t rules_since,
                          const std::string& rules = "0123456789abcdef") {
    state::CommitNote note;
    note.state_start = start;
    note.Use(rules, rules_since);
    return state::EncodeCommitNote(note);
  }

  static RecoveredTask Recover(Process& process, int64_t committed, std::string note,
                               int64_t log_start = 0) {
    process.keeper->Recover({kPartition, committed, std::move(note), log_start});
    return Recovered(process);
  }

  static RecoveredTask Recovered(Process& process) {
    for (int i = 0; i < 2000; ++i) {
      if (auto recovered = process.keeper->TakeRecovered()) return *std::move(recovered);
      absl::SleepFor(absl::Milliseconds(10));
    }
    ADD_FAILURE() << "not recovered: " << process.keeper->WaitsFor(kPartition);
    return {};
  }

  // Until some rules are kept; their hash.
  std::string Keep(Process& process) const {
    for (int i = 0; i < 2000; ++i) {
      if (process.keeper->KeepRules(rules_)) return rules_->hash();
      absl::SleepFor(absl::Milliseconds(10));
    }
    ADD_FAILURE() << "the rules are not kept";
    return "";
  }

  // Takes a checkpoint now.
  static PublishedCheckpoint Checkpoint(Process& process) {
    process.keeper->HurryCheckpoint(kPartition);
    process.keeper->TakePublished(kPartition);  // a transaction's question: there is news to copy
    for (int i = 0; i < 2000; ++i) {
      absl::SleepFor(absl::Milliseconds(10));
      if (const auto published = process.keeper->TakePublished(kPartition)) return *published;
    }
    ADD_FAILURE() << "no checkpoint was published";
    return {};
  }

  static void Write(state::TaskState& state, int keys, int64_t applied) {
    for (int i = 0; i < keys; ++i) {
      state.Put(kStep, absl::StrCat("key-", i), absl::StrCat("value-", i), state::kNeverExpires);
    }
    ASSERT_TRUE(state.Commit(applied, "0123456789abcdef").ok());
  }

  static int Count(state::TaskState& state) {
    int count = 0;
    EXPECT_TRUE(state.Scan(kStep, "", "", [&](auto, auto) { return ++count > 0; }).ok());
    return count;
  }

  support::TempDirectory directory_;
  state::StateResources resources_{state::StateLimits()};
  FlakyStore store_{directory_.path() + "/checkpoints"};
  state::GapPolicy gap_policy_ = state::GapPolicy::kRefuse;
  std::optional<state::RestoreWish> restore_;
  absl::Duration interval_ = absl::Hours(1);
  // Else upkeep looks at a state that a test's end takes away without giving it back.
  absl::Duration figures_interval_ = absl::InfiniteDuration();
  absl::Duration unused_store_for_ = absl::Hours(1);
  std::string caution_;
  std::shared_ptr<const router::RuleSet> only_rules_;
  absl::Mutex mutex_;
  std::vector<std::string> troubles_;
  std::vector<std::string> notices_;
  const std::shared_ptr<const router::RuleSet> rules_ = RulesOf("a");
};

TEST_F(StateServiceTest, APartitionOfWhichNothingIsKnownBeginsWithoutState) {
  Process process = Start("a");
  EXPECT_TRUE(process.keeper->MayHaveState(kPartition, ""));
  const RecoveredTask task = Recover(process, -1, "");
  EXPECT_EQ(task.state, nullptr);
  EXPECT_TRUE(task.plan.refusal.empty());
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/a/tasks"));
}

TEST_F(StateServiceTest, ANoteThatSpeaksOfNoStateNeedsNoRecovery) {
  Process process = Start("a");
  EXPECT_FALSE(process.keeper->MayHaveState(kPartition, "turnout/1 rules=0123456789abcdef@0"));
  EXPECT_TRUE(process.keeper->MayHaveState(kPartition, Note(0, 0)));
}

TEST_F(StateServiceTest, AHandOverLeavesACheckpointThatTheNextOwnerReplaysNothingAfter) {
  Process old_owner = Start("a");
  auto state = old_owner.keeper->Create(kPartition, 10);
  ASSERT_TRUE(state.ok()) << state.status();
  Write(**state, 100, 110);
  old_owner.keeper->Release(kPartition, *std::move(state), Parting::kHandOver,
                            absl::Now() + absl::Seconds(30));
  old_owner.keeper->WaitForHandOvers(absl::Now() + absl::Seconds(30));
  EXPECT_EQ(old_owner.service->Stats().checkpoints, 1u);

  Process heir = Start("b");
  const RecoveredTask task = Recover(heir, 110, Note(10, 10));
  ASSERT_NE(task.state, nullptr);
  EXPECT_EQ(task.plan.base, RecoveryBase::kCheckpoint);
  EXPECT_EQ(task.plan.replay_from, 110);
  EXPECT_EQ(Count(*task.state), 100);
}

TEST_F(StateServiceTest, ARestartedProcessUsesItsDisk) {
  {
    Process process = Start("a");
    auto state = process.keeper->Create(kPartition, 0);
    ASSERT_TRUE(state.ok());
    Write(**state, 5, 20);
    process.keeper->Release(kPartition, *std::move(state), Parting::kLost, absl::InfinitePast());
  }
  Process again = Start("a");
  EXPECT_TRUE(again.keeper->MayHaveState(kPartition, "turnout/1 rules=0123456789abcdef@0"));
  const RecoveredTask task = Recover(again, 20, Note(0, 0));
  ASSERT_NE(task.state, nullptr);
  EXPECT_EQ(task.plan.base, RecoveryBase::kLocal);
  EXPECT_EQ(Count(*task.state), 5);
}

TEST_F(StateServiceTest, AWishToRestoreTakesAnOlderCheckpointThoughTheDiskIsSound) {
  std::string rules;
  {
    Process process = Start("a");
    rules = Keep(process);
    auto state = process.keeper->Create(kPartition, 0);
    ASSERT_TRUE(state.ok());
    Write(**state, 5, 20);
    EXPECT_EQ(Checkpoint(process).sequence, 1);
    restore_ = {.time_ms = absl::ToUnixMillis(absl::Now())};
    Await("a later time", [&] { return absl::ToUnixMillis(absl::Now()) > restore_->time_ms; });
    Write(**state, 9, 30);
    EXPECT_EQ(Checkpoint(process).sequence, 2);
    process.keeper->Release(kPartition, *std::move(state), Parting::kLost, absl::InfinitePast());
  }
  Process process = Start("a");
  EXPECT_TRUE(process.keeper->MayHaveState(kPartition, "turnout/1 rules=0123456789abcdef@0"));
  RecoveredTask task = Recover(process, 30, Note(0, 0, rules));
  ASSERT_NE(task.state, nullptr);
  EXPECT_EQ(task.plan.restored, restore_->id());
  EXPECT_EQ(task.plan.checkpoint, 1);
  EXPECT_EQ(task.plan.replay_from, 20);
  EXPECT_EQ(Count(*task.state), 5);
  process.keeper->Release(kPartition, std::move(task.state), Parting::kLost, absl::InfinitePast());

  // Where the note says that it is done, all is as ever.
  auto note = state::DecodeCommitNote(Note(0, 0, rules)).value();
  note.state_start.reset();
  note.Fulfil(restore_->id());
  EXPECT_EQ(process.keeper->MayHaveState(kPartition, state::EncodeCommitNote(note)), true)
      << "there is a state on this disk";
  note.state_start = 0;
  task = Recover(process, 30, state::EncodeCommitNote(note));
  EXPECT_EQ(task.plan.restored, "");
  EXPECT_EQ(task.plan.checkpoint, 2);
  EXPECT_EQ(task.plan.replay_from, 30);
}

// The rules that a restored state is noted to be of must be there for whoever comes next.
TEST_F(StateServiceTest, ARestoreWithTheRulesOfNowKeepsThemFirst) {
  restore_ = {.time_ms = 1, .with_current_rules = true};
  Process process = Start("a");
  RecoveryRequest request{.partition = kPartition, .committed_offset = 30, .note = Note(7, 7)};
  request.in_force = rules_;
  process.keeper->Recover(request);
  const RecoveredTask task = Recovered(process);
  ASSERT_NE(task.state, nullptr) << absl::StrJoin(task.plan.alerts, "; ");
  EXPECT_TRUE(task.plan.has_current_rules);
  EXPECT_EQ(task.plan.rule_sets, (std::vector<state::RuleSetSince>{{rules_->hash(), 7}}));
  EXPECT_EQ(task.rule_sets.size(), 1u) << "as the archive has them";
}

// A state of rules whose step is kept in the source's partitions, at offset 20. What its recovery
// comes to where the source is partitioned by another field.
class PartitionedOtherwise : public StateServiceTest {
 protected:
  static std::shared_ptr<const router::RuleSet> PartitionedBy(const std::string& field) {
    std::vector<router::Problem> problems;
    std::vector<router::Team> teams =
        CompileRules("a.yaml",
                     "team: a\ndestinations: [t]\nrules: [{name: r, match: {x: [1]}, "
                     "steps: [{dedup: {key: user, for: 1h}}], to: t}]\n",
                     {}, &problems);
    EXPECT_TRUE(problems.empty());
    return router::RuleSet::Build(std::move(teams), {.partitioned_by = field});
  }

  void WriteState() {
    const auto rules = PartitionedBy("user");
    Process process = Start("a");
    Await("the rules to be kept", [&] { return process.keeper->KeepRules(rules); });
    auto state = process.keeper->Create(kPartition, 0);
    ASSERT_TRUE(state.ok());
    (*state)->Put(kStep, "key", "value", state::kNeverExpires);
    ASSERT_TRUE((*state)->Commit(20, rules->hash()).ok());
    process.keeper->Release(kPartition, *std::move(state), Parting::kLost, absl::InfinitePast());
  }

  RecoveredTask RecoverBy(const std::string& field, const std::string& note) {
    Process process = Start("a");
    process.keeper->Recover({.partition = kPartition,
                             .committed_offset = 20,
                             .note = note,
                             .in_force = PartitionedBy(field)});
    RecoveredTask task = Recovered(process);
    task.state.reset();  // before the service
    return task;
  }

  static std::string NoteOfState() { return Note(0, 0, PartitionedBy("user")->hash()); }
};

TEST_F(PartitionedOtherwise, IsRefusedByNameWithTheRulesThatWouldBeginEmpty) {
  WriteState();
  // Somebody may have set the offset, to where it was: there is no note then.
  for (const std::string& note : {NoteOfState(), std::string()}) {
    const RecoveredTask task = RecoverBy("card", note);
    EXPECT_EQ(task.plan.refusal, state::kStateElsewhere);
    EXPECT_THAT(task.plan.alerts,
                ElementsAre(HasSubstr("was `user` when this state was written and is `card` now"),
                            HasSubstr("set source.partitioned_by back")));
    EXPECT_THAT(task.plan.alerts.front(), HasSubstr("a/r"));
  }
  EXPECT_EQ(RecoverBy("user", NoteOfState()).plan.refusal, "");
}

TEST_F(PartitionedOtherwise, MovesNothingWhereAllKeysMeet) {
  WriteState();
  const RecoveredTask task = RecoverBy("*", NoteOfState());
  EXPECT_EQ(task.plan.refusal, "");
  EXPECT_THAT(task.plan.alerts, IsEmpty());
}

TEST_F(PartitionedOtherwise, GoesOnWhereTheConfigSaysSoAndSaysWhatBeginsEmpty) {
  gap_policy_ = state::GapPolicy::kGoOn;
  WriteState();
  const RecoveredTask task = RecoverBy("card", NoteOfState());
  EXPECT_EQ(task.plan.refusal, "");
  EXPECT_EQ(task.plan.base, RecoveryBase::kLocal);
  EXPECT_THAT(task.plan.alerts, ElementsAre(HasSubstr("begin empty there: a/r")));
}

TEST_F(StateServiceTest, APartitionThatComesBackWaitsForItsOldSelfToBeClosed) {
  Process process = Start("a");
  auto state = process.keeper->Create(kPartition, 0);
  ASSERT_TRUE(state.ok());
  Write(**state, 5, 20);
  for (int i = 0; i < 20; ++i) {
    process.keeper->Release(kPartition, *std::move(state), Parting::kLost, absl::InfinitePast());
    RecoveredTask task = Recover(process, 20, Note(0, 0));
    ASSERT_NE(task.state, nullptr);
    EXPECT_EQ(Count(*task.state), 5);
    state = std::move(task.state);
  }
}

TEST_F(StateServiceTest, AStateThatNobodyTookIsClosedAndComesAgain) {
  Process process = Start("a");
  auto state = process.keeper->Create(kPartition, 0);
  ASSERT_TRUE(state.ok());
  Write(**state, 5, 20);
  process.keeper->Release(kPartition, *std::move(state), Parting::kLost, absl::InfinitePast());
  for (int i = 0; i < 3; ++i) {
    process.keeper->Recover({kPartition, 20, Note(0, 0)});
    Await("the recovery", [&] { return process.keeper->WaitsFor(kPartition).empty(); });
    process.keeper->Release(kPartition, nullptr, Parting::kHandOver, absl::InfinitePast());
  }
  const RecoveredTask task = Recover(process, 20, Note(0, 0));
  ASSERT_NE(task.state, nullptr);
  EXPECT_EQ(Count(*task.state), 5);
}

TEST_F(StateServiceTest, ADamagedStateIsRemovedAndTheCheckpointTaken) {
  Process process = Start("a");
  auto state = process.keeper->Create(kPartition, 0);
  ASSERT_TRUE(state.ok());
  Write(**state, 5, 20);
  EXPECT_EQ(Checkpoint(process).applied_offset, 20);
  process.keeper->Release(kPartition, *std::move(state), Parting::kDamaged, absl::InfinitePast());
  const RecoveredTask task = Recover(process, 20, Note(0, 0));
  ASSERT_NE(task.state, nullptr);
  EXPECT_EQ(task.plan.base, RecoveryBase::kCheckpoint);
  EXPECT_EQ(Count(*task.state), 5);
}

// What is copied may have been damaged already.
TEST_F(StateServiceTest, ACheckpointThatIsDistrustedGivesWayToAnOlderOne) {
  Process process = Start("a");
  auto state = process.keeper->Create(kPartition, 0);
  ASSERT_TRUE(state.ok());
  Write(**state, 5, 20);
  Checkpoint(process);
  Write(**state, 9, 40);
  const PublishedCheckpoint newest = Checkpoint(process);
  EXPECT_EQ(newest.applied_offset, 40);
  process.keeper->Release(kPartition, *std::move(state), Parting::kDamaged, absl::InfinitePast());
  process.keeper->Recover({.partition = kPartition,
                           .committed_offset = 40,
                           .note = Note(0, 0, Keep(process)),
                           .distrusted_from = newest.sequence});
  const RecoveredTask task = Recovered(process);
  ASSERT_NE(task.state, nullptr) << task.plan.refusal;
  EXPECT_EQ(task.plan.base, RecoveryBase::kCheckpoint);
  EXPECT_EQ(task.plan.replay_from, 20);
  EXPECT_EQ(Count(*task.state), 5);
}

// The first one is in the middle of it when its partition goes and comes back.
TEST_F(StateServiceTest, APartitionIsBroughtBackByOneThreadAtATime) {
  Process process = Start("a");
  store_.LetList(false);
  process.keeper->Recover({kPartition, 20, Note(0, 0)});
  ASSERT_TRUE(store_.AreListing(1, absl::Seconds(20)));
  process.keeper->Release(kPartition, nullptr, Parting::kLost, absl::InfinitePast());
  process.keeper->Recover({kPartition, 20, Note(0, 0)});
  EXPECT_FALSE(store_.AreListing(2, absl::Milliseconds(400)));
  store_.LetList(true);
  EXPECT_EQ(Recovered(process).partition, kPartition);
  EXPECT_FALSE(process.keeper->TakeRecovered());
}

TEST_F(StateServiceTest, ARefusalSaysWhatIsMissing) {
  Process process = Start("a");
  const RecoveredTask task = Recover(process, 500, Note(0, 0), /*log_start=*/400);
  EXPECT_EQ(task.state, nullptr);
  EXPECT_EQ(task.plan.refusal, state::kStateGap);
}

TEST_F(StateServiceTest, RulesAreKeptBeforeTheyMayTakeEffectHoweverOftenTheStoreIsAway) {
  Process process = Start("a");
  store_.away = true;
  EXPECT_FALSE(process.keeper->KeepRules(rules_));
  absl::SleepFor(absl::Milliseconds(100));
  EXPECT_FALSE(process.keeper->KeepRules(rules_));
  store_.away = false;
  Keep(process);
}

TEST_F(StateServiceTest, ARuleSetThatCannotBeKeptHoldsUpNoOther) {
  const auto one = RulesOf("a");
  const auto other = RulesOf("b");
  // Whichever comes first by its hash.
  const bool one_is_first = one->hash() < other->hash();
  store_.refused = one_is_first ? one->hash() : other->hash();
  Process process = Start("a");
  EXPECT_FALSE(process.keeper->KeepRules(one));
  EXPECT_FALSE(process.keeper->KeepRules(other));
  Await("the second one", [&] { return process.keeper->KeepRules(one_is_first ? other : one); });
  EXPECT_FALSE(process.keeper->KeepRules(one_is_first ? one : other));
}

TEST_F(StateServiceTest, RulesThatNeverChangeAreNotKeptAndAllTheSameAtHandForAReplay) {
  only_rules_ = rules_;
  store_.away = true;
  Process process = Start("a");
  EXPECT_TRUE(process.keeper->KeepRules(rules_));
  store_.away = false;
  const RecoveredTask task = Recover(process, 20, Note(5, 5, rules_->hash()));
  ASSERT_NE(task.state, nullptr);
  EXPECT_EQ(task.plan.base, RecoveryBase::kEmpty);
  EXPECT_EQ(task.plan.replay_from, 5);
  EXPECT_EQ(task.plan.replay_to, 20);
  EXPECT_THAT(task.rule_sets, ElementsAre(rules_));
  Process elsewhere = Start("b");
  const RecoveredTask other = Recover(elsewhere, 20, Note(5, 5));
  EXPECT_EQ(other.plan.refusal, state::kRulesLost);
}

TEST_F(StateServiceTest, TheCautionIsToldOnceThereIsSomethingToLose) {
  caution_ = "they are lost with the disk";
  Process process = Start("a");
  EXPECT_THAT(Told(troubles_), IsEmpty());
  for (const auto& rules : {RulesOf("a"), RulesOf("b")}) {
    Await("the rules", [&] { return process.keeper->KeepRules(rules); });
  }
  Await("the caution", [&] { return !Told(troubles_).empty(); });
  process.keeper = nullptr;
  process.service = nullptr;
  EXPECT_THAT(Told(troubles_), ElementsAre(caution_));
}

TEST_F(StateServiceTest, TheStoreOfAPartitionThatMovedAwayIsRemovedOnceItsCheckpointHasIt) {
  const auto stored = [&](int partition) {
    return std::filesystem::exists(
        absl::StrCat(directory_.path(), "/a/tasks/events/", partition, "/CURRENT"));
  };
  unused_store_for_ = absl::ZeroDuration();
  Process process = Start("a");
  for (const int partition : {1, 2, 3}) {
    auto state = process.keeper->Create(partition, 0);
    ASSERT_TRUE(state.ok()) << state.status();
    Write(**state, 100, 20);
    // The second one has no checkpoint.
    if (partition != 2) {
      process.keeper->Release(partition, *std::move(state), Parting::kHandOver,
                              absl::InfiniteFuture());
      process.keeper->WaitForHandOvers(absl::InfiniteFuture());
    } else {
      process.keeper->Release(partition, *std::move(state), Parting::kLost, absl::InfinitePast());
    }
  }
  Await("the third one's removal", [&] { return !stored(3); });
  EXPECT_FALSE(stored(1));
  EXPECT_TRUE(stored(2)) << "nothing else has what it has";
  Await("its notice", [&] { return Told(notices_).size() == 2; });
  EXPECT_THAT(Told(notices_)[1], HasSubstr("partition 3 of events"));
  EXPECT_EQ(process.service->Stats().unused_stores_removed, 2u);
  EXPECT_THAT(Told(troubles_), IsEmpty());

  const RecoveredTask task = Recover(process, 20, Note(0, 0));
  ASSERT_NE(task.state, nullptr);
  EXPECT_EQ(Count(*task.state), 100);
}

TEST_F(StateServiceTest, AStoreThatIsNewerThanItsCheckpointStays) {
  unused_store_for_ = absl::ZeroDuration();
  {
    Process process = Start("a");
    auto state = process.keeper->Create(1, 0);
    ASSERT_TRUE(state.ok());
    Write(**state, 100, 20);
    process.keeper->HurryCheckpoint(1);
    Await("a checkpoint", [&] { return process.keeper->TakePublished(1).has_value(); });
    Write(**state, 100, 30);
    process.keeper->Release(1, *std::move(state), Parting::kLost, absl::InfinitePast());
    auto other = process.keeper->Create(2, 0);
    ASSERT_TRUE(other.ok());
    process.keeper->Release(2, *std::move(other), Parting::kHandOver, absl::InfiniteFuture());
    Await("the other one's removal", [&] { return !Told(notices_).empty(); });
  }
  EXPECT_THAT(Told(notices_), ElementsAre(HasSubstr("partition 2 of events")));
  EXPECT_TRUE(std::filesystem::exists(directory_.path() + "/a/tasks/events/1/CURRENT"));
}

TEST_F(StateServiceTest, ACheckpointsSizeAndDurationAreTold) {
  Process process = Start("a");
  auto state = process.keeper->Create(kPartition, 0);
  ASSERT_TRUE(state.ok());
  Write(**state, 100, 20);
  EXPECT_EQ(process.service->Stats().newest_checkpoint_bytes, 0u);
  Checkpoint(process);
  const StateServiceStats stats = process.service->Stats();
  EXPECT_GE(stats.newest_checkpoint_bytes, stats.checkpoint_bytes);
  EXPECT_GT(stats.checkpoint_bytes, 0u);
  EXPECT_THAT(stats.checkpoint_durations, testing::Contains(1u));
  EXPECT_GT(stats.checkpoint_duration_sum, absl::ZeroDuration());
}

TEST(StateServiceStatsTest, ARestoreTakesAsLongYetAsItsSpeedSoFarSays) {
  StateServiceStats stats;
  stats.CountRestore({.bytes = 100, .bytes_done = 0}, absl::Seconds(5));
  EXPECT_EQ(stats.restore_bytes_left, 100u);
  EXPECT_EQ(stats.restore_left, absl::ZeroDuration()) << "nobody knows yet";
  stats.CountRestore({.bytes = 100, .bytes_done = 20}, absl::Seconds(5));
  stats.CountRestore({.bytes = 100, .bytes_done = 90}, absl::Seconds(9));
  EXPECT_EQ(stats.restore_bytes_left, 190u);
  EXPECT_EQ(stats.restore_left, absl::Seconds(20)) << "the one that takes longest";
}

TEST_F(StateServiceTest, AStoreInUseStaysAndItsFiguresAreTold) {
  unused_store_for_ = absl::ZeroDuration();
  figures_interval_ = absl::Milliseconds(10);
  Process process = Start("a");
  auto state = process.keeper->Create(kPartition, 0);
  ASSERT_TRUE(state.ok());
  Write(**state, 100, 20);
  Await("figures", [&] { return process.service->Stats().entries_estimate > 0; });
  EXPECT_EQ(process.service->Stats().tasks, 1u);
  EXPECT_EQ(process.service->Stats().unused_stores_removed, 0u);
  EXPECT_TRUE(std::filesystem::exists(directory_.path() + "/a/tasks/events/3/CURRENT"));
  process.keeper->Release(kPartition, *std::move(state), Parting::kLost, absl::InfinitePast());
}

}  // namespace
}  // namespace turnout::runtime

// Deliberate bugs around states: wrappers of what a worker sees of them (a StateKeeper, the states
// that it gives out, the homes that it recovers them from).
//
// Lifetime: what is wrapped is borrowed, but for states, which their wrapper owns.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "connectors/record.h"
#include "runtime/rule_feed.h"
#include "tests/simulation/mutations.h"
#include "tests/support/memory_state_keeper.h"
#include "tests/support/memory_task_home.h"

namespace turnout::simulation {

class BuggyPlace : public support::StatePlace {
 public:
  BuggyPlace(Mutation mutation, support::MemoryStatePlace* place)
      : mutation_(mutation), place_(place) {}

  bool HasLocal(int32_t partition) override { return place_->HasLocal(partition); }
  std::unique_ptr<support::TaskPlace> PlaceOf(int32_t partition) override;
  absl::Status KeepRules(const router::RuleSet& rules) override { return place_->KeepRules(rules); }
  absl::StatusOr<std::shared_ptr<const router::RuleSet>> FindRules(
      const std::string& hash) override {
    return place_->FindRules(hash);
  }
  void Crash() override { place_->Crash(); }

  // What the bugs need to know: what was asked for.
  std::map<int32_t, runtime::RecoveryRequest> requests;

 private:
  const Mutation mutation_;
  support::MemoryStatePlace* const place_;
};

class BuggyKeeper : public runtime::StateKeeper {
 public:
  BuggyKeeper(Mutation mutation, BuggyPlace* buggy_place, support::MemoryStatePlace* place,
              support::MemoryStateKeeper* keeper, const runtime::RuleFeed* rules,
              support::SimulatedClock* clock)
      : mutation_(mutation),
        buggy_place_(buggy_place),
        place_(place),
        keeper_(keeper),
        rules_(rules),
        clock_(clock) {}

  bool MayHaveState(int32_t partition, std::string_view note) override {
    return keeper_->MayHaveState(partition, note);
  }
  void Recover(runtime::RecoveryRequest request) override;
  std::optional<runtime::RecoveredTask> TakeRecovered() override;
  std::string WaitsFor(int32_t partition) override { return keeper_->WaitsFor(partition); }
  bool KeepRules(const std::shared_ptr<const router::RuleSet>& rules) override {
    return keeper_->KeepRules(rules);
  }
  absl::StatusOr<std::unique_ptr<state::TaskState>> Create(int32_t partition,
                                                           int64_t start_offset) override;
  void Release(int32_t partition, std::unique_ptr<state::TaskState> state, runtime::Parting parting,
               absl::Time until) override;
  void WaitForHandOvers(absl::Time /*until*/) override {}  // Release has waited
  std::optional<runtime::PublishedCheckpoint> TakePublished(int32_t partition) override {
    return keeper_->TakePublished(partition);
  }
  void HurryCheckpoint(int32_t partition) override { keeper_->HurryCheckpoint(partition); }

  // The log is about to be asked to commit these.
  void BeforeCommit(absl::Span<const connectors::SourceOffset> offsets);
  // Where the partition's local store is; -1: there is none.
  int64_t LocalOffset(int32_t partition) const;

 private:
  std::unique_ptr<state::TaskState> Wrap(std::unique_ptr<state::TaskState> state,
                                         int64_t replay_to);

  const Mutation mutation_;
  BuggyPlace* const buggy_place_;
  support::MemoryStatePlace* const place_;
  support::MemoryStateKeeper* const keeper_;
  const runtime::RuleFeed* const rules_;
  support::SimulatedClock* const clock_;
};

}  // namespace turnout::simulation

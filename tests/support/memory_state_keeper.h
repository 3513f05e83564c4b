// MemoryStateKeeper: a StateKeeper without threads: what StateService does in the background
// happens here between two turns of the worker, when chance says so.
//
// A recovery takes some time and is done or not when the worker asks; a checkpoint is a snapshot,
// and some turns later it is published. Whatever fails is tried again.
//
// Threads: one. Lifetime: what is borrowed outlives it, and it the states it has given out.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "runtime/state_keeper.h"
#include "tests/support/seeded_random.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/state_place.h"

namespace turnout::support {

class MemoryStateKeeper : public runtime::StateKeeper {
 public:
  MemoryStateKeeper(StatePlace* place, SimulatedClock* clock, SeededRandom* random)
      : place_(place), clock_(clock), random_(random) {}

  bool MayHaveState(int32_t partition, std::string_view note) override;
  void Recover(runtime::RecoveryRequest request) override;
  std::optional<runtime::RecoveredTask> TakeRecovered() override;
  std::string WaitsFor(int32_t partition) override;
  bool KeepRules(const std::shared_ptr<const router::RuleSet>& rules) override;
  absl::StatusOr<std::unique_ptr<state::TaskState>> Create(int32_t partition,
                                                           int64_t start_offset) override;
  void Release(int32_t partition, std::unique_ptr<state::TaskState> state, runtime::Parting parting,
               absl::Time until) override;
  void WaitForHandOvers(absl::Time /*until*/) override {}  // Release has waited
  std::optional<runtime::PublishedCheckpoint> TakePublished(int32_t partition) override;
  void HurryCheckpoint(int32_t partition) override;

  // From now on, once a partition.
  void Restore(std::optional<state::RestoreWish> wish) { restore_ = std::move(wish); }

  // What the service's threads do meanwhile.
  void Work();

  // Nothing is being recovered; `states` are those that are given out.
  bool is_settled() const { return jobs_.empty() && done_.empty(); }
  std::map<int32_t, state::TaskState*> states() const;

 private:
  struct Job {
    runtime::RecoveryRequest request;
    std::unique_ptr<TaskPlace> home;
    absl::Time at;
    std::string waits_for;
  };
  struct Entry {
    std::unique_ptr<TaskPlace> home;
    state::TaskState* state = nullptr;
    int64_t published_offset = -1;
    bool has_snapshot = false;
    bool hurry = false;
    std::optional<runtime::PublishedCheckpoint> news;
  };

  std::string NewTimeline();
  void RunJobs();
  void LookAfter(Entry& entry);
  bool Publish(Entry& entry);
  void HandOver(Entry& entry, absl::Time until);

  StatePlace* const place_;
  SimulatedClock* const clock_;
  SeededRandom* const random_;
  std::optional<state::RestoreWish> restore_;
  std::deque<Job> jobs_;
  std::deque<runtime::RecoveredTask> done_;
  std::map<int32_t, Entry> entries_;
  std::set<std::string> rules_kept_;
  std::map<std::string, std::shared_ptr<const router::RuleSet>> rules_to_keep_;
};

}  // namespace turnout::support

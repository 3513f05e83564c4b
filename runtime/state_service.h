// StateService: the states of a process: its disk, its checkpoint store, and the threads that
// recover states and take checkpoints of them while workers go on.
//
// A state belongs to the worker's task; the service knows it as well, to take checkpoints of it.
// When the task lets go, the state is closed once nobody is in the middle of reading it.
//
//   StateDir/tasks/TOPIC/PARTITION      a task's RocksDB
//   StateDir/scratch/TOPIC/PARTITION    its snapshot while a checkpoint is sent
//   Store/GROUP/TOPIC/PARTITION/...     its checkpoints
//   Store/GROUP/rules/...               rule sets by hash
//
// Errors: what goes wrong in the background is told to `on_trouble`, tried again, and shown by
//   WaitsFor; nothing is lost by it but time.
// Threads: KeeperFor and Stats on any; each keeper on its worker's.
// Lifetime: keepers and the states they gave out end before the service.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "runtime/state_keeper.h"
#include "runtime/state_stats.h"
#include "state/checkpoint.h"
#include "state/checkpoint_store.h"
#include "state/state_resources.h"

namespace turnout::runtime {

struct StateServiceOptions {
  std::string directory;  // state_dir
  std::string topic;      // whose partitions are the tasks
  std::string group;
  state::GapPolicy gap_policy = state::GapPolicy::kRefuse;
  std::optional<state::RestoreWish> restore;  // which checkpoints to go back to, once a partition
  state::PrunePolicy prune;
  absl::Duration checkpoint_interval = absl::Minutes(1);
  absl::Duration collect_interval = absl::Minutes(1);
  // Figures of a state, for metrics, are so old at most. Infinite: there are none.
  absl::Duration figures_interval = absl::Seconds(10);
  // The store of a partition that moved away is removed after so long, once the checkpoints have
  // what it has: see unused_stores.h.
  absl::Duration unused_store_for = absl::Minutes(10);
  absl::Duration unused_store_look_every = absl::Minutes(1);
  int recovery_threads = 4;
  // Somebody waits for each partition that is handed over: more at a time, sooner done.
  int upkeep_threads = 8;
  // Of them, for what nobody waits for: checkpoints in between, giving back disk.
  int routine_threads_max = 2;
  int transfers_max = 4;  // of one recovery or checkpoint, at a time
  // Of a job: the only rules that it ever has. Null: they come and go, and are kept in the store by
  // their hashes.
  std::shared_ptr<const router::RuleSet> only_rules;
  std::string caution;  // told as trouble once there are rules that keep state; empty: none
  // Any thread; must not block.
  std::function<void(const std::string& what)> on_trouble;
  std::function<void(const std::string& what)> on_notice;  // what was done and is worth a line
};

class StateService {
 public:
  // Both are borrowed; services may share them.
  StateService(StateServiceOptions options, state::StateResources* resources,
               state::CheckpointStore* checkpoints);
  ~StateService();

  // One worker's.
  std::unique_ptr<StateKeeper> KeeperFor(int worker);

  StateServiceStats Stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::runtime

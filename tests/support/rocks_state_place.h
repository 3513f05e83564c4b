// RocksStatePlace: a StatePlace on the real thing: TaskStore on RocksDB, TaskCheckpoints and
// RuleArchive over a DirectoryCheckpointStore, in one directory.
//
// A crash is a copy of the disk as it is at that moment: what RocksDB has not written is not in it.
// Every call of the checkpoint store is a fault point, so that checkpoints are left half published.
//
// Threads: one. Lifetime: what is borrowed outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/rule_archive.h"
#include "state/checkpoint_store.h"
#include "state/state_resources.h"
#include "tests/support/fault_points.h"
#include "tests/support/state_place.h"

namespace turnout::support {

// What all processes of a run share.
struct RocksShare {
  std::string directory;
  state::StateResources* resources = nullptr;
  state::CheckpointStore* checkpoints = nullptr;
  FaultPoints* points = nullptr;
  bool away = false;  // the checkpoint store
  int disks = 0;      // made so far
};

// Disks are directories, named by number.
std::string RocksDiskPath(const RocksShare& share, int disk);
std::string RocksStorePath(const RocksShare& share, int disk, int32_t partition);

class RocksStatePlace : public StatePlace {
 public:
  // `disk` is the number of the process's disk, and becomes another one's when it crashes.
  RocksStatePlace(RocksShare* share, int* disk, SimulatedProcess* process);
  ~RocksStatePlace() override;

  bool HasLocal(int32_t partition) override;
  std::unique_ptr<TaskPlace> PlaceOf(int32_t partition) override;
  absl::Status KeepRules(const router::RuleSet& rules) override;
  absl::StatusOr<std::shared_ptr<const router::RuleSet>> FindRules(
      const std::string& hash) override;
  void Crash() override;

 private:
  RocksShare* const share_;
  int* const disk_;
  const int own_disk_;
  SimulatedProcess* const process_;
  const std::unique_ptr<state::CheckpointStore> store_;
  runtime::RuleArchive archive_;
};

}  // namespace turnout::support

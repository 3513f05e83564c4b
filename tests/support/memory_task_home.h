// MemoryStatePlace: disks and a checkpoint store in memory, with what can go wrong with them.
//
// A disk outlives the processes that use it. It keeps every commit since the last flush, and a
// crash takes it back to one of them, which chance chooses: exactly what RocksDB without a log of
// its own does. Stores can be damaged, open or not; a disk can be lost. A checkpoint is published
// at once or not at all; it can be damaged where its listing shows it, or only where it is
// restored; the whole store can be away. Every call is one of the process's fault points.
//
// Threads: one. Lifetime: what is borrowed outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/fault_points.h"
#include "tests/support/memory_state.h"
#include "tests/support/seeded_random.h"
#include "tests/support/state_place.h"

namespace turnout::support {

struct MemoryDisk {
  struct Store {
    std::vector<MemoryState::Version> commits;  // the first one is durable
    bool damaged = false;
    int64_t opened = 0;  // which opening is current; 0: closed
  };
  std::map<int32_t, Store> stores;
  int64_t openings = 0;
  int64_t reads_till_failure = 0;  // 0: none fails; that one is answered Unavailable

  // Nobody has it open any more; the last commits may be lost.
  void Crash(SeededRandom& random);
};

struct MemoryCheckpoints {
  enum class Health { kSound, kDamagedManifest, kDamagedFile };
  struct Checkpoint {
    MemoryState::Version version;
    int64_t created_at_ms = 0;
    Health health = Health::kSound;
  };
  std::map<int32_t, std::map<int64_t, Checkpoint>> tasks;
  std::set<std::string> rules;            // hashes of those that are kept
  SimulatedClock* clock = nullptr;  // by which checkpoints are taken; null: at 0
  bool away = false;

  int64_t NextSequence(int32_t partition) const;
};

// Rule sets as the archive gives them back, by hash; shared by all runs, since making one is slow.
using ArchivedRules =
    std::function<std::shared_ptr<const router::RuleSet>(const std::string& hash)>;

// A state on a MemoryDisk.
class MemoryDiskState : public state::TaskState {
 public:
  MemoryDiskState(std::shared_ptr<MemoryDisk> disk, int32_t partition, FaultPoints* points,
                  SimulatedProcess* process);
  ~MemoryDiskState() override;

  const state::StatePoint& point() const override { return memory_.point(); }
  absl::StatusOr<bool> Get(state::StepId step, std::string_view key, std::string* value) override;
  void Put(state::StepId step, std::string_view key, std::string_view value,
           int64_t expires_at_ms) override {
    memory_.Put(step, key, value, expires_at_ms);
  }
  void Delete(state::StepId step, std::string_view key) override { memory_.Delete(step, key); }
  absl::Status Scan(state::StepId step, std::string_view from, std::string_view to,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) override;
  void AdvanceWatermark(int64_t event_time_ms) override { memory_.AdvanceWatermark(event_time_ms); }
  int64_t watermark_ms() const override { return memory_.watermark_ms(); }
  absl::Status Retain(absl::Span<const state::StepId> steps) override;
  size_t pending_bytes() const override { return memory_.pending_bytes(); }
  void Seal() override { memory_.Seal(); }
  absl::Status Commit(int64_t applied_offset, std::string_view rule_set) override;
  void Rollback() override { memory_.Rollback(); }
  void GoOnIn(std::string_view timeline) override { memory_.GoOnIn(timeline); }

  const MemoryState& memory() const { return memory_; }
  // What was committed is durable.
  void Flush();

 private:
  MemoryDisk::Store& store() const { return disk_->stores[partition_]; }
  absl::Status CheckSound() const;

  const std::shared_ptr<MemoryDisk> disk_;
  const int32_t partition_;
  FaultPoints* const points_;
  SimulatedProcess* const process_;
  const int64_t opening_;
  MemoryState memory_;
};

class MemoryStatePlace : public StatePlace {
 public:
  MemoryStatePlace(std::shared_ptr<MemoryDisk> disk, MemoryCheckpoints* checkpoints,
                   ArchivedRules archived, FaultPoints* points, SimulatedProcess* process,
                   SeededRandom* random);

  bool HasLocal(int32_t partition) override { return disk_->stores.contains(partition); }
  std::unique_ptr<TaskPlace> PlaceOf(int32_t partition) override;
  absl::Status KeepRules(const router::RuleSet& rules) override;
  absl::StatusOr<std::shared_ptr<const router::RuleSet>> FindRules(
      const std::string& hash) override;
  void Crash() override { disk_->Crash(*random_); }

  MemoryDisk& disk() { return *disk_; }
  MemoryCheckpoints& checkpoints() { return *checkpoints_; }

 private:
  const std::shared_ptr<MemoryDisk> disk_;
  MemoryCheckpoints* const checkpoints_;
  const ArchivedRules archived_;
  FaultPoints* const points_;
  SimulatedProcess* const process_;
  SeededRandom* const random_;
};

}  // namespace turnout::support

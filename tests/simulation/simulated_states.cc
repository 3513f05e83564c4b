#include "tests/simulation/simulated_states.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/rule_archive.h"
#include "tests/simulation/oracle.h"
#include "tests/support/memory_checkpoint_store.h"
#include "tests/support/memory_state.h"
#include "tests/support/memory_task_home.h"

namespace turnout::simulation {
namespace {

using support::MemoryCheckpoints;
using support::MemoryDisk;
using support::MemoryState;

class MemoryStates : public SimulatedStates {
 public:
  MemoryStates(support::FaultPoints* points, uint64_t seed, bool set_back)
      : points_(points), random_(seed) {
    checkpoints_.discards = set_back;
  }

  std::unique_ptr<support::StatePlace> PlaceFor(int ordinal,
                                                support::SimulatedProcess* process) override {
    std::shared_ptr<MemoryDisk>& disk = disks_[ordinal];
    if (disk == nullptr) disk = std::make_shared<MemoryDisk>();
    return std::make_unique<support::MemoryStatePlace>(disk, &checkpoints_, ArchivedRulesOf,
                                                       points_, process, &random_);
  }
  void LoseDisk(int ordinal) override { disks_[ordinal] = nullptr; }
  void SetAway(bool away) override { checkpoints_.away = away; }
  bool is_away() const override { return checkpoints_.away; }
  void FailRead(int ordinal, int64_t reads) override {
    if (disks_[ordinal] != nullptr) disks_[ordinal]->reads_till_failure = reads;
  }
  void Settle() override;
  void Damage(support::SeededRandom& random) override;
  void LoseCheckpoints() override { checkpoints_.tasks.clear(); }
  void LoseRules() override { checkpoints_.rules.clear(); }
  int64_t FurthestCheckpoint(int32_t partition) override;
  FoundStates Collect() override;

 private:
  support::FaultPoints* const points_;
  support::SeededRandom random_;
  std::map<int, std::shared_ptr<MemoryDisk>> disks_;  // by ordinal
  MemoryCheckpoints checkpoints_;
};

void MemoryStates::Settle() {
  checkpoints_.away = false;
  for (auto& [ordinal, disk] : disks_) {
    if (disk == nullptr) continue;
    for (auto& [partition, store] : disk->stores) {
      if (store.opened != 0) store.damaged = false;
    }
  }
}

void MemoryStates::Damage(support::SeededRandom& random) {
  if (random.OneIn(2)) {
    const auto disk = disks_.find(static_cast<int>(random.Below(4)));
    if (disk == disks_.end() || disk->second == nullptr) return;
    const auto store = disk->second->stores.find(static_cast<int32_t>(random.Below(4)));
    if (store == disk->second->stores.end()) return;
    // One that has seen nothing may be all there is: nobody could say then that nothing is lost.
    const state::StatePoint& point = store->second.commits.back().point;
    if (point.applied_offset != point.start_offset) store->second.damaged = true;
    return;
  }
  const auto partition = static_cast<int32_t>(random.Below(4));
  const int64_t furthest = FurthestCheckpoint(partition);
  for (auto& [sequence, one] : checkpoints_.tasks[partition]) {
    if (one.version.point.applied_offset == furthest || !random.OneIn(2)) continue;
    switch (random.Below(3)) {
      case 0:
        one.health = MemoryCheckpoints::Health::kDamagedManifest;
        return;
      case 1:
        one.health = MemoryCheckpoints::Health::kDamagedFile;
        return;
      default:
        checkpoints_.tasks[partition].erase(sequence);
        return;
    }
  }
}

int64_t MemoryStates::FurthestCheckpoint(int32_t partition) {
  int64_t furthest = -1;
  for (const auto& [sequence, one] : checkpoints_.tasks[partition]) {
    if (one.health != MemoryCheckpoints::Health::kSound) continue;
    furthest = std::max(furthest, one.version.point.applied_offset);
  }
  return furthest;
}

FoundStates MemoryStates::Collect() {
  FoundStates found;
  const auto add = [&](int32_t partition, std::string where, const MemoryState::Version& version,
                       bool is_checkpoint) {
    if (version.point.applied_offset == version.point.start_offset) return;
    MemoryState state(version);
    found[partition].push_back({.where = std::move(where),
                                .is_checkpoint = is_checkpoint,
                                .applied_offset = version.point.applied_offset,
                                .dump = DumpState(state)});
  };
  for (const auto& [ordinal, disk] : disks_) {
    if (disk == nullptr) continue;
    for (const auto& [partition, store] : disk->stores) {
      if (store.damaged) continue;
      for (const MemoryState::Version& version : store.commits) {
        add(partition, absl::StrCat("the local store of router ", ordinal), version, false);
      }
    }
  }
  for (const auto& [partition, published] : checkpoints_.tasks) {
    for (const auto& [sequence, one] : published) {
      if (one.health != MemoryCheckpoints::Health::kSound) continue;
      add(partition, absl::StrCat("checkpoint ", sequence), one.version, true);
    }
  }
  return found;
}

}  // namespace

std::unique_ptr<SimulatedStates> MakeMemoryStates(support::FaultPoints* points, uint64_t seed,
                                                  bool set_back) {
  return std::make_unique<MemoryStates>(points, seed, set_back);
}

std::shared_ptr<const router::RuleSet> ArchivedRulesOf(const std::string& hash) {
  static const auto* const archived = [] {
    support::MemoryCheckpointStore store;
    runtime::RuleArchive archive(&store, "archive");
    auto* const found = new std::map<std::string, std::shared_ptr<const router::RuleSet>>;
    for (int version = 0; version < kRuleSets; ++version) {
      const auto rules = RuleSetOf(version);
      if (!archive.Keep(*rules).ok()) std::abort();
      auto one = archive.Find(rules->hash());
      if (!one.ok()) {
        std::fprintf(stderr, "the archive of rule sets: %s\n", one.status().ToString().c_str());
        std::abort();
      }
      (*found)[rules->hash()] = *std::move(one);
    }
    return found;
  }();
  return archived->at(hash);
}

}  // namespace turnout::simulation

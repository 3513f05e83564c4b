#include "tests/simulation/simulated_states.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
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
  MemoryStates(support::FaultPoints* points, support::SimulatedClock* clock, uint64_t seed)
      : points_(points), random_(seed) {
    checkpoints_.clock = clock;
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
  std::optional<int64_t> SomeCheckpointTime(support::SeededRandom& random) override;
  void SpoilAfter(int64_t time_ms) override;
  int64_t LastingCheckpoint(int32_t partition) override;
  bool WasPublished(int32_t partition, int64_t applied_offset) override {
    const auto& published = checkpoints_.tasks[partition];
    return std::any_of(published.begin(), published.end(), [&](const auto& one) {
      return one.second.version.point.applied_offset == applied_offset;
    });
  }
  FoundStates Collect() override;

 private:
  void DamageStore(support::SeededRandom& random);
  void DamageCheckpoint(support::SeededRandom& random);

  support::FaultPoints* const points_;
  support::SeededRandom random_;
  std::map<int, std::shared_ptr<MemoryDisk>> disks_;  // by ordinal
  MemoryCheckpoints checkpoints_;
  std::set<int32_t> stores_damaged_;
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
    DamageStore(random);
  } else {
    DamageCheckpoint(random);
  }
}

// Once a partition: a store that is damaged in use again is not brought back from the same
// checkpoint a third time.
void MemoryStates::DamageStore(support::SeededRandom& random) {
  const auto disk = disks_.find(static_cast<int>(random.Below(4)));
  if (disk == disks_.end() || disk->second == nullptr) return;
  const auto store = disk->second->stores.find(static_cast<int32_t>(random.Below(4)));
  if (store == disk->second->stores.end() || stores_damaged_.contains(store->first)) return;
  // One that has seen nothing may be all there is: nobody could say then that nothing is lost.
  const state::StatePoint& point = store->second.commits.back().point;
  if (point.applied_offset == point.start_offset) return;
  store->second.damaged = true;
  stores_damaged_.insert(store->first);
}

void MemoryStates::DamageCheckpoint(support::SeededRandom& random) {
  const auto partition = static_cast<int32_t>(random.Below(4));
  auto& published = checkpoints_.tasks[partition];
  const int64_t lasting = LastingCheckpoint(partition);
  const auto soundest = [&](int64_t but) {
    int64_t furthest = -1;
    for (const auto& [sequence, one] : published) {
      if (one.health != MemoryCheckpoints::Health::kSound || sequence == but) continue;
      furthest = std::max(furthest, one.version.point.applied_offset);
    }
    return furthest;
  };
  for (auto& [sequence, one] : published) {
    if (lasting < 0 || soundest(sequence) < lasting || !random.OneIn(2)) continue;
    switch (random.Below(3)) {
      case 0:
        one.health = MemoryCheckpoints::Health::kDamagedManifest;
        return;
      case 1:
        one.health = MemoryCheckpoints::Health::kDamagedFile;
        return;
      default:
        // Whether it was among the two furthest could not be told any more.
        if (one.version.point.applied_offset >= lasting) continue;
        published.erase(sequence);
        return;
    }
  }
}

std::optional<int64_t> MemoryStates::SomeCheckpointTime(support::SeededRandom& random) {
  std::vector<int64_t> times;
  for (const auto& [partition, published] : checkpoints_.tasks) {
    for (const auto& [sequence, one] : published) times.push_back(one.created_at_ms);
  }
  if (times.empty()) return std::nullopt;
  return times[random.Below(static_cast<int64_t>(times.size()))];
}

// Those that have seen no more than a checkpoint from before are as right as that.
void MemoryStates::SpoilAfter(int64_t time_ms) {
  std::map<int32_t, int64_t> right_until;
  for (const auto& [partition, published] : checkpoints_.tasks) {
    for (const auto& [sequence, one] : published) {
      if (one.created_at_ms > time_ms) continue;
      int64_t& furthest = right_until[partition];
      furthest = std::max(furthest, one.version.point.applied_offset);
    }
  }
  const auto spoil = [&](int32_t partition, MemoryState::Version* version) {
    if (version->point.applied_offset > right_until[partition]) version->entries.clear();
  };
  for (auto& [ordinal, disk] : disks_) {
    if (disk == nullptr) continue;
    for (auto& [partition, store] : disk->stores) {
      for (MemoryState::Version& version : store.commits) spoil(partition, &version);
    }
  }
  for (auto& [partition, published] : checkpoints_.tasks) {
    for (auto& [sequence, one] : published) {
      if (one.created_at_ms > time_ms) spoil(partition, &one.version);
    }
  }
}

// Of all that were ever published the second, damaged or not.
int64_t MemoryStates::LastingCheckpoint(int32_t partition) {
  int64_t furthest = -1;
  int64_t second = -1;
  for (const auto& [sequence, one] : checkpoints_.tasks[partition]) {
    second = std::max(second, std::min(furthest, one.version.point.applied_offset));
    furthest = std::max(furthest, one.version.point.applied_offset);
  }
  return second;
}

FoundStates MemoryStates::Collect() {
  FoundStates found;
  const auto add = [&](int32_t partition, std::string where, const MemoryState::Version& version) {
    if (version.point.applied_offset == version.point.start_offset) return;
    MemoryState state(version);
    found[partition].push_back({.where = std::move(where),
                                .applied_offset = version.point.applied_offset,
                                .timeline = version.point.timeline,
                                .dump = DumpState(state)});
  };
  for (const auto& [ordinal, disk] : disks_) {
    if (disk == nullptr) continue;
    for (const auto& [partition, store] : disk->stores) {
      if (store.damaged) continue;
      for (const MemoryState::Version& version : store.commits) {
        add(partition, absl::StrCat("the local store of router ", ordinal), version);
      }
    }
  }
  for (const auto& [partition, published] : checkpoints_.tasks) {
    for (const auto& [sequence, one] : published) {
      if (one.health != MemoryCheckpoints::Health::kSound) continue;
      add(partition, absl::StrCat("checkpoint ", sequence), one.version);
    }
  }
  return found;
}

}  // namespace

std::unique_ptr<SimulatedStates> MakeMemoryStates(support::FaultPoints* points,
                                                  support::SimulatedClock* clock, uint64_t seed) {
  return std::make_unique<MemoryStates>(points, clock, seed);
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

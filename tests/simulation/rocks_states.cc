#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "state/checkpoint.h"
#include "state/directory_checkpoint_store.h"
#include "state/files.h"
#include "state/task_store.h"
#include "tests/simulation/simulated_states.h"
#include "tests/support/rocks_state_place.h"
#include "tests/support/temp_directory.h"

namespace turnout::simulation {
namespace {

constexpr int32_t kPartitions = 4;  // at most

class RocksStates : public SimulatedStates {
 public:
  explicit RocksStates(support::FaultPoints* points) : store_(directory_.path() + "/checkpoints") {
    share_ = {.directory = directory_.path(),
              .resources = &Resources(),
              .checkpoints = &store_,
              .points = points};
  }

  std::unique_ptr<support::StatePlace> PlaceFor(int ordinal,
                                                support::SimulatedProcess* process) override {
    return std::make_unique<support::RocksStatePlace>(&share_, DiskOf(ordinal), process);
  }
  void LoseDisk(int ordinal) override { *DiskOf(ordinal) = ++share_.disks; }
  void SetAway(bool away) override { share_.away = away; }
  bool is_away() const override { return share_.away; }
  void FailRead(int /*ordinal*/, int64_t /*reads*/) override {}
  void Settle() override { share_.away = false; }
  void Damage(support::SeededRandom& random) override;
  void LoseCheckpoints() override {
    for (int32_t partition = 0; partition < kPartitions; ++partition) {
      std::filesystem::remove_all(
          absl::StrCat(directory_.path(), "/checkpoints/group/", partition));
    }
  }
  void LoseRules() override {
    std::filesystem::remove_all(directory_.path() + "/checkpoints/group/rules");
  }
  // Real checkpoints are of a real clock: no wishes here.
  std::optional<int64_t> SomeCheckpointTime(support::SeededRandom& /*random*/) override {
    return std::nullopt;
  }
  void SpoilAfter(int64_t /*time_ms*/) override {}
  int64_t LastingCheckpoint(int32_t partition) override;
  bool WasPublished(int32_t partition, int64_t applied_offset) override;
  FoundStates Collect() override;

 private:
  static state::StateResources& Resources() {
    static auto* const resources = new state::StateResources({.memory_bytes_max = 8 << 20,
                                                              .memtable_bytes_max = 2 << 20,
                                                              .task_memtable_bytes_max = 64 << 10});
    return *resources;
  }
  // Its place in memory stays.
  int* DiskOf(int ordinal) {
    const auto [found, is_new] = disks_.try_emplace(ordinal);
    if (is_new) found->second = ++share_.disks;
    return &found->second;
  }
  state::TaskCheckpoints CheckpointsOf(int32_t partition) {
    return {&store_, absl::StrCat("group/", partition), directory_.path() + "/look"};
  }
  void Add(const std::string& path, std::string where, int32_t partition, FoundStates* found);

  const support::TempDirectory directory_;
  state::DirectoryCheckpointStore store_;
  support::RocksShare share_;
  std::map<int, int> disks_;  // by ordinal
};

// A manifest that is not the furthest checkpoint's is cut short, or goes.
void RocksStates::Damage(support::SeededRandom& random) {
  const auto partition = static_cast<int32_t>(random.Below(kPartitions));
  const int64_t furthest = LastingCheckpoint(partition);
  const auto listed = CheckpointsOf(partition).List();
  if (!listed.ok()) return;
  for (const state::ListedCheckpoint& one : *listed) {
    if (!one.manifest.ok() || one.manifest->point.applied_offset == furthest) continue;
    const std::string manifests =
        absl::StrCat(directory_.path(), "/checkpoints/group/", partition, "/manifests");
    for (const auto& file : std::filesystem::directory_iterator(manifests)) {
      int64_t sequence = 0;
      const std::string name = file.path().filename().string();
      if (!absl::SimpleAtoi(name, &sequence) || sequence != one.sequence) continue;
      if (random.OneIn(2)) {
        std::filesystem::remove(file.path());
      } else {
        std::filesystem::resize_file(file.path(), std::filesystem::file_size(file.path()) / 2);
      }
      return;
    }
  }
}

// The furthest: no damage is done to it here.
int64_t RocksStates::LastingCheckpoint(int32_t partition) {
  int64_t furthest = -1;
  const auto listed = CheckpointsOf(partition).List();
  if (!listed.ok()) return furthest;
  for (const state::ListedCheckpoint& one : *listed) {
    if (one.manifest.ok()) furthest = std::max(furthest, one.manifest->point.applied_offset);
  }
  return furthest;
}

bool RocksStates::WasPublished(int32_t partition, int64_t applied_offset) {
  const auto listed = CheckpointsOf(partition).List();
  return listed.ok() && std::any_of(listed->begin(), listed->end(), [&](const auto& one) {
           return one.manifest.ok() && one.manifest->point.applied_offset == applied_offset;
         });
}

void RocksStates::Add(const std::string& path, std::string where, int32_t partition,
                      FoundStates* found) {
  const auto opened = state::TaskStore::Open(path, share_.resources);
  if (absl::IsNotFound(opened.status())) return;
  if (!opened.ok()) {
    (*found)[partition].push_back({.where = std::move(where), .dump = opened.status().ToString()});
    return;
  }
  const state::StatePoint& point = (*opened)->point();
  if (point.applied_offset == point.start_offset) return;
  (*found)[partition].push_back({.where = std::move(where),
                                 .applied_offset = point.applied_offset,
                                 .timeline = point.timeline,
                                 .dump = DumpState(**opened)});
}

FoundStates RocksStates::Collect() {
  FoundStates found;
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    for (const auto& [ordinal, disk] : disks_) {
      Add(support::RocksStorePath(share_, disk, partition),
          absl::StrCat("the local store of router ", ordinal), partition, &found);
    }
    state::TaskCheckpoints checkpoints = CheckpointsOf(partition);
    const auto listed = checkpoints.List();
    if (!listed.ok()) continue;
    for (const state::ListedCheckpoint& one : *listed) {
      if (!one.manifest.ok()) continue;
      const std::string path = absl::StrCat(directory_.path(), "/restored");
      if (!checkpoints.Restore(one.sequence, path).ok()) continue;
      Add(path, absl::StrCat("checkpoint ", one.sequence), partition, &found);
    }
  }
  return found;
}

}  // namespace

std::unique_ptr<SimulatedStates> MakeRocksStates(support::FaultPoints* points) {
  return std::make_unique<RocksStates>(points);
}

}  // namespace turnout::simulation

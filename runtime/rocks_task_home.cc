#include "runtime/rocks_task_home.h"

#include <utility>

#include "state/files.h"
#include "state/task_store.h"

namespace turnout::runtime {
namespace {

absl::StatusOr<std::unique_ptr<state::TaskState>> AsState(
    absl::StatusOr<std::unique_ptr<state::TaskStore>> store) {
  if (!store.ok()) return store.status();
  return std::unique_ptr<state::TaskState>(*std::move(store));
}

}  // namespace

RocksTaskHome::RocksTaskHome(std::string directory, state::StateResources* resources,
                             state::TaskCheckpoints* checkpoints)
    : directory_(std::move(directory)), resources_(resources), checkpoints_(checkpoints) {}

absl::StatusOr<std::unique_ptr<state::TaskState>> RocksTaskHome::OpenLocal() {
  return AsState(state::TaskStore::Open(directory_, resources_));
}

absl::StatusOr<std::unique_ptr<state::TaskState>> RocksTaskHome::CreateLocal(
    int64_t start_offset, const std::string& timeline) {
  checkpoints_->ForgetFiles();
  return AsState(state::TaskStore::Create(directory_, resources_, start_offset, timeline));
}

absl::StatusOr<std::vector<state::CheckpointFact>> RocksTaskHome::Checkpoints() {
  const absl::StatusOr<std::vector<state::ListedCheckpoint>> listed = checkpoints_->List();
  if (!listed.ok()) return listed.status();
  std::vector<state::CheckpointFact> facts;
  for (const state::ListedCheckpoint& one : *listed) {
    state::CheckpointFact fact{.sequence = one.sequence, .sound = one.manifest.ok()};
    if (fact.sound) {
      fact.applied_offset = one.manifest->point.applied_offset;
      fact.start_offset = one.manifest->point.start_offset;
      fact.timeline = one.manifest->point.timeline;
      fact.created_at_ms = one.manifest->created_at_ms;
    }
    facts.push_back(fact);
  }
  return facts;
}

absl::StatusOr<std::unique_ptr<state::TaskState>> RocksTaskHome::Restore(int64_t sequence) {
  const auto restored = checkpoints_->Restore(sequence, directory_);
  if (!restored.ok()) return restored.status();
  return OpenLocal();
}

absl::Status RocksTaskHome::RemoveLocal() { return state::RemoveAll(directory_); }

}  // namespace turnout::runtime

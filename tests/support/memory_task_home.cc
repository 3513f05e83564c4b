#include "tests/support/memory_task_home.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

namespace turnout::support {
namespace {

using state::CheckpointFact;
using state::TaskState;

constexpr FaultSet kHomeFaults = {Fault::kCrashBefore, Fault::kCrashAfter, Fault::kPause,
                                  Fault::kUnavailableBefore, Fault::kUnavailableAfter};
// A commit that was made is never answered otherwise: nothing lies between a task and its disk.
constexpr FaultSet kCommitFaults = {Fault::kCrashBefore, Fault::kCrashAfter, Fault::kPause,
                                    Fault::kUnavailableBefore};

absl::Status Away() { return absl::UnavailableError("the checkpoint store is away"); }

class MemoryTaskHome : public TaskPlace {
 public:
  MemoryTaskHome(std::shared_ptr<MemoryDisk> disk, MemoryCheckpoints* checkpoints,
                 int32_t partition, FaultPoints* points, SimulatedProcess* process)
      : disk_(std::move(disk)),
        checkpoints_(checkpoints),
        partition_(partition),
        points_(points),
        process_(process) {}

  absl::StatusOr<std::unique_ptr<TaskState>> OpenLocal() override;
  absl::StatusOr<std::unique_ptr<TaskState>> CreateLocal(int64_t start_offset,
                                                         const std::string& timeline) override;
  absl::StatusOr<std::vector<CheckpointFact>> Checkpoints() override;
  absl::StatusOr<std::unique_ptr<TaskState>> Restore(int64_t sequence) override;
  absl::Status RemoveLocal() override;
  absl::Status Snapshot(TaskState& state) override;
  absl::StatusOr<runtime::PublishedCheckpoint> Publish() override;

 private:
  FaultedCall Call(std::string_view name) {
    return FaultedCall(points_, process_, absl::StrFormat("%s %d", name, partition_), kHomeFaults);
  }
  bool is_open() const {
    const auto found = disk_->stores.find(partition_);
    return found != disk_->stores.end() && found->second.opened != 0;
  }
  absl::Status CheckClosed() const {
    if (!is_open()) return absl::OkStatus();
    return absl::UnavailableError("the store is open already");
  }
  std::unique_ptr<TaskState> Open() {
    return std::make_unique<MemoryDiskState>(disk_, partition_, points_, process_);
  }
  void Replace(MemoryState::Version version) {
    disk_->stores[partition_] = {.commits = {std::move(version)}};
  }

  const std::shared_ptr<MemoryDisk> disk_;
  MemoryCheckpoints* const checkpoints_;
  const int32_t partition_;
  FaultPoints* const points_;
  SimulatedProcess* const process_;
  // Taken, and not published yet.
  MemoryState::Version snapshot_;
  int64_t taken_at_ms_ = 0;
  int64_t sequence_ = 0;
};

absl::StatusOr<std::unique_ptr<TaskState>> MemoryTaskHome::OpenLocal() {
  FaultedCall call = Call("open store");
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  absl::Status effect = CheckClosed();
  const auto found = disk_->stores.find(partition_);
  if (found == disk_->stores.end()) {
    effect = absl::NotFoundError("no store");
  } else if (found->second.damaged) {
    effect = absl::DataLossError("the store is damaged");
  }
  if (absl::Status answer = call.After(effect); !answer.ok()) return answer;
  return Open();
}

absl::StatusOr<std::unique_ptr<TaskState>> MemoryTaskHome::CreateLocal(
    int64_t start_offset, const std::string& timeline) {
  FaultedCall call = Call("create store");
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  const absl::Status effect = CheckClosed();
  if (effect.ok()) Replace(MemoryState(start_offset, timeline).committed());
  if (absl::Status answer = call.After(effect); !answer.ok()) return answer;
  return Open();
}

absl::StatusOr<std::vector<CheckpointFact>> MemoryTaskHome::Checkpoints() {
  FaultedCall call = Call("list checkpoints");
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  const absl::Status effect = checkpoints_->away ? Away() : absl::OkStatus();
  if (absl::Status answer = call.After(effect); !answer.ok()) return answer;
  std::vector<CheckpointFact> facts;
  for (const auto& [sequence, one] : checkpoints_->tasks[partition_]) {
    CheckpointFact fact{.sequence = sequence};
    fact.sound = one.health != MemoryCheckpoints::Health::kDamagedManifest;
    if (fact.sound) {
      fact.applied_offset = one.version.point.applied_offset;
      fact.start_offset = one.version.point.start_offset;
      fact.timeline = one.version.point.timeline;
      fact.created_at_ms = one.created_at_ms;
    }
    facts.push_back(fact);
  }
  return facts;
}

absl::StatusOr<std::unique_ptr<TaskState>> MemoryTaskHome::Restore(int64_t sequence) {
  FaultedCall call = Call("restore");
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  absl::Status effect = CheckClosed();
  if (checkpoints_->away) effect = Away();
  if (effect.ok()) {
    const auto& published = checkpoints_->tasks[partition_];
    const auto found = published.find(sequence);
    if (found == published.end()) {
      effect = absl::DataLossError("the checkpoint is gone");
    } else if (found->second.health != MemoryCheckpoints::Health::kSound) {
      effect = absl::DataLossError("the checkpoint is damaged");
    } else {
      Replace(found->second.version);
    }
  }
  if (absl::Status answer = call.After(effect); !answer.ok()) return answer;
  return Open();
}

absl::Status MemoryTaskHome::RemoveLocal() {
  FaultedCall call = Call("remove store");
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  const absl::Status effect = CheckClosed();
  if (effect.ok()) disk_->stores.erase(partition_);
  return call.After(effect);
}

absl::Status MemoryTaskHome::Snapshot(TaskState& state) {
  FaultedCall call = Call("snapshot");
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  auto& local = dynamic_cast<MemoryDiskState&>(state);
  if (disk_->stores[partition_].damaged) return call.After(absl::DataLossError("damaged"));
  local.Flush();
  snapshot_ = local.memory().committed();
  sequence_ = checkpoints_->NextSequence(partition_);
  if (checkpoints_->clock != nullptr) {
    taken_at_ms_ = absl::ToUnixMillis(checkpoints_->clock->Now());
  }
  return call.After(absl::OkStatus());
}

absl::StatusOr<runtime::PublishedCheckpoint> MemoryTaskHome::Publish() {
  FaultedCall call = Call("publish");
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  absl::Status effect = checkpoints_->away ? Away() : absl::OkStatus();
  auto& published = checkpoints_->tasks[partition_];
  if (effect.ok() &&
      !published.try_emplace(sequence_, MemoryCheckpoints::Checkpoint{snapshot_, taken_at_ms_})
           .second) {
    effect = absl::AbortedError("somebody else has published it");
  }
  if (absl::Status answer = call.After(effect); !answer.ok()) return answer;
  return runtime::PublishedCheckpoint{sequence_, snapshot_.point.applied_offset};
}

}  // namespace

void MemoryDisk::Crash(SeededRandom& random) {
  for (auto& [partition, one] : stores) {
    const auto left =
        static_cast<size_t>(random.Between(1, static_cast<int64_t>(one.commits.size())));
    one.commits.resize(left);
    one.opened = 0;
  }
}

int64_t MemoryCheckpoints::NextSequence(int32_t partition) const {
  const auto found = tasks.find(partition);
  return found == tasks.end() || found->second.empty() ? 1 : found->second.rbegin()->first + 1;
}

MemoryDiskState::MemoryDiskState(std::shared_ptr<MemoryDisk> disk, int32_t partition,
                                 FaultPoints* points, SimulatedProcess* process)
    : disk_(std::move(disk)),
      partition_(partition),
      points_(points),
      process_(process),
      opening_(++disk_->openings),
      memory_(store().commits.back()) {
  store().opened = opening_;
}

MemoryDiskState::~MemoryDiskState() {
  const auto found = disk_->stores.find(partition_);
  if (found != disk_->stores.end() && found->second.opened == opening_) found->second.opened = 0;
}

absl::Status MemoryDiskState::CheckSound() const {
  return store().damaged ? absl::DataLossError("the store is damaged") : absl::OkStatus();
}

absl::StatusOr<bool> MemoryDiskState::Get(state::StepId step, std::string_view key,
                                          std::string* value) {
  if (absl::Status sound = CheckSound(); !sound.ok()) return sound;
  if (disk_->reads_till_failure > 0 && --disk_->reads_till_failure == 0) {
    points_->Note("a read of the state fails");
    return absl::UnavailableError("the disk does not answer");
  }
  return memory_.Get(step, key, value);
}

absl::Status MemoryDiskState::Scan(
    state::StepId step, std::string_view from, std::string_view to,
    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) {
  if (absl::Status sound = CheckSound(); !sound.ok()) return sound;
  return memory_.Scan(step, from, to, visit);
}

absl::Status MemoryDiskState::Retain(absl::Span<const state::StepId> steps) {
  if (absl::Status sound = CheckSound(); !sound.ok()) return sound;
  return memory_.Retain(steps);
}

absl::Status MemoryDiskState::Commit(int64_t applied_offset, std::string_view rule_set) {
  FaultedCall call(points_, process_,
                   absl::StrFormat("commit state %d to %d", partition_, applied_offset),
                   kCommitFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  if (absl::Status sound = CheckSound(); !sound.ok()) return call.After(sound);
  const absl::Status committed = memory_.Commit(applied_offset, rule_set);
  if (committed.ok()) store().commits.push_back(memory_.committed());
  return call.After(committed);
}

void MemoryDiskState::Flush() {
  std::vector<MemoryState::Version>& commits = store().commits;
  commits.erase(commits.begin(), commits.end() - 1);
}

MemoryStatePlace::MemoryStatePlace(std::shared_ptr<MemoryDisk> disk, MemoryCheckpoints* checkpoints,
                                   ArchivedRules archived, FaultPoints* points,
                                   SimulatedProcess* process, SeededRandom* random)
    : disk_(std::move(disk)),
      checkpoints_(checkpoints),
      archived_(std::move(archived)),
      points_(points),
      process_(process),
      random_(random) {}

std::unique_ptr<TaskPlace> MemoryStatePlace::PlaceOf(int32_t partition) {
  return std::make_unique<MemoryTaskHome>(disk_, checkpoints_, partition, points_, process_);
}

absl::Status MemoryStatePlace::KeepRules(const router::RuleSet& rules) {
  FaultedCall call(points_, process_, "keep rules", kHomeFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  if (checkpoints_->away) return call.After(Away());
  checkpoints_->rules.insert(rules.hash());
  return call.After(absl::OkStatus());
}

absl::StatusOr<std::shared_ptr<const router::RuleSet>> MemoryStatePlace::FindRules(
    const std::string& hash) {
  FaultedCall call(points_, process_, "find rules", kHomeFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  absl::Status effect = checkpoints_->away ? Away() : absl::OkStatus();
  if (effect.ok() && !checkpoints_->rules.contains(hash)) {
    effect = absl::NotFoundError("no such rule set is kept");
  }
  if (absl::Status answer = call.After(effect); !answer.ok()) return answer;
  return archived_(hash);
}

}  // namespace turnout::support

#include "tests/support/rocks_state_place.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/rocks_task_home.h"
#include "state/checkpoint.h"
#include "state/files.h"
#include "state/task_store.h"

namespace turnout::support {
namespace {

using state::StoredObject;
using state::TaskState;

constexpr FaultSet kStoreFaults = {Fault::kCrashBefore, Fault::kCrashAfter, Fault::kPause,
                                   Fault::kUnavailableBefore, Fault::kUnavailableAfter};
constexpr FaultSet kHomeFaults = {Fault::kCrashBefore, Fault::kCrashAfter,
                                  Fault::kUnavailableBefore};
constexpr FaultSet kCommitFaults = {Fault::kCrashBefore, Fault::kCrashAfter, Fault::kPause,
                                    Fault::kUnavailableBefore};
constexpr char kPrefix[] = "group";

// The checkpoint store as one process meets it.
class FaultedCheckpointStore : public state::CheckpointStore {
 public:
  FaultedCheckpointStore(RocksShare* share, SimulatedProcess* process)
      : share_(share), process_(process) {}

  absl::StatusOr<std::vector<StoredObject>> List(std::string_view prefix) override {
    return Ask("list objects", [&] { return share_->checkpoints->List(prefix); });
  }
  absl::Status Put(std::string_view name, const std::string& local_path) override {
    return Tell("put object", [&] { return share_->checkpoints->Put(name, local_path); });
  }
  absl::StatusOr<bool> PutIfAbsent(std::string_view name, std::string_view bytes) override {
    return Ask("put new object", [&] { return share_->checkpoints->PutIfAbsent(name, bytes); });
  }
  absl::StatusOr<state::FileDigest> Get(std::string_view name,
                                        const std::string& local_path) override {
    return Ask("get object", [&] { return share_->checkpoints->Get(name, local_path); });
  }
  absl::StatusOr<state::FileDigest> Digest(std::string_view name) override {
    return Ask("digest object", [&] { return share_->checkpoints->Digest(name); });
  }
  absl::StatusOr<std::string> Read(std::string_view name, size_t bytes_max) override {
    return Ask("read object", [&] { return share_->checkpoints->Read(name, bytes_max); });
  }
  absl::Status Remove(std::string_view name) override {
    return Tell("remove object", [&] { return share_->checkpoints->Remove(name); });
  }

 private:
  template <typename Effect>
  absl::Status Tell(const char* name, Effect effect) {
    FaultedCall call(share_->points, process_, name, kStoreFaults);
    if (absl::Status refused = call.Before(); !refused.ok()) return refused;
    return call.After(share_->away ? absl::UnavailableError("the checkpoint store is away")
                                   : effect());
  }
  template <typename Effect>
  auto Ask(const char* name, Effect effect) -> decltype(effect()) {
    decltype(effect()) answer = absl::UnavailableError("");
    const absl::Status told = Tell(name, [&] {
      answer = effect();
      return answer.status();
    });
    if (!told.ok()) return told;
    return answer;
  }

  RocksShare* const share_;
  SimulatedProcess* const process_;
};

// A TaskStore whose commits are fault points.
class FaultedStore : public TaskState {
 public:
  FaultedStore(std::unique_ptr<TaskState> store, int32_t partition, FaultPoints* points,
               SimulatedProcess* process)
      : store_(std::move(store)), partition_(partition), points_(points), process_(process) {}

  const state::StatePoint& point() const override { return store_->point(); }
  absl::StatusOr<bool> Get(state::StepId step, std::string_view key, std::string* value) override {
    return store_->Get(step, key, value);
  }
  void Put(state::StepId step, std::string_view key, std::string_view value,
           int64_t expires_at_ms) override {
    store_->Put(step, key, value, expires_at_ms);
  }
  void Delete(state::StepId step, std::string_view key) override { store_->Delete(step, key); }
  absl::Status Scan(state::StepId step, std::string_view from, std::string_view to,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) override {
    return store_->Scan(step, from, to, visit);
  }
  void AdvanceWatermark(int64_t event_time_ms) override { store_->AdvanceWatermark(event_time_ms); }
  int64_t watermark_ms() const override { return store_->watermark_ms(); }
  absl::Status Retain(absl::Span<const state::StepId> steps) override {
    return store_->Retain(steps);
  }
  size_t pending_bytes() const override { return store_->pending_bytes(); }
  void Seal() override { store_->Seal(); }
  absl::Status Commit(int64_t applied_offset, std::string_view rule_set) override {
    FaultedCall call(points_, process_,
                     absl::StrFormat("commit state %d to %d", partition_, applied_offset),
                     kCommitFaults);
    if (absl::Status refused = call.Before(); !refused.ok()) return refused;
    return call.After(store_->Commit(applied_offset, rule_set));
  }
  void Rollback() override { store_->Rollback(); }
  void GoOnIn(std::string_view timeline) override { store_->GoOnIn(timeline); }

  state::TaskStore& store() { return static_cast<state::TaskStore&>(*store_); }

 private:
  const std::unique_ptr<TaskState> store_;
  const int32_t partition_;
  FaultPoints* const points_;
  SimulatedProcess* const process_;
};

class RocksTaskPlace : public TaskPlace {
 public:
  RocksTaskPlace(RocksShare* share, int disk, int32_t partition, state::CheckpointStore* store,
                 SimulatedProcess* process)
      : share_(share),
        partition_(partition),
        process_(process),
        checkpoints_(store, absl::StrCat(kPrefix, "/", partition),
                     absl::StrCat(RocksDiskPath(*share, disk), "/scratch/", partition)),
        home_(RocksStorePath(*share, disk, partition), share->resources, &checkpoints_) {}

  absl::StatusOr<std::unique_ptr<TaskState>> OpenLocal() override {
    return Opened("open store", [&] { return home_.OpenLocal(); });
  }
  absl::StatusOr<std::unique_ptr<TaskState>> CreateLocal(int64_t start_offset,
                                                         const std::string& timeline) override {
    return Opened("create store", [&] { return home_.CreateLocal(start_offset, timeline); });
  }
  absl::StatusOr<std::vector<state::CheckpointFact>> Checkpoints() override {
    return home_.Checkpoints();
  }
  absl::StatusOr<std::unique_ptr<TaskState>> Restore(int64_t sequence) override {
    return Opened("restore", [&] { return home_.Restore(sequence); });
  }
  absl::Status RemoveLocal() override {
    FaultedCall call = Call("remove store");
    if (absl::Status refused = call.Before(); !refused.ok()) return refused;
    return call.After(home_.RemoveLocal());
  }
  absl::Status Snapshot(TaskState& state) override {
    FaultedCall call = Call("snapshot");
    if (absl::Status refused = call.Before(); !refused.ok()) return refused;
    store_ = &static_cast<FaultedStore&>(state).store();
    return call.After(store_->Flush());
  }
  absl::StatusOr<runtime::PublishedCheckpoint> Publish() override {
    const auto taken = checkpoints_.Take(store_, /*created_at_ms=*/0);
    if (!taken.ok()) return taken.status();
    return runtime::PublishedCheckpoint{taken->sequence, taken->point.applied_offset};
  }

 private:
  FaultedCall Call(std::string_view name) {
    return FaultedCall(share_->points, process_, absl::StrFormat("%s %d", name, partition_),
                       kHomeFaults);
  }
  template <typename Effect>
  absl::StatusOr<std::unique_ptr<TaskState>> Opened(std::string_view name, Effect effect) {
    FaultedCall call = Call(name);
    if (absl::Status refused = call.Before(); !refused.ok()) return refused;
    absl::StatusOr<std::unique_ptr<TaskState>> state = effect();
    if (absl::Status answer = call.After(state.status()); !answer.ok()) return answer;
    return std::unique_ptr<TaskState>(
        std::make_unique<FaultedStore>(*std::move(state), partition_, share_->points, process_));
  }

  RocksShare* const share_;
  const int32_t partition_;
  SimulatedProcess* const process_;
  state::TaskCheckpoints checkpoints_;
  runtime::RocksTaskHome home_;
  state::TaskStore* store_ = nullptr;
};

}  // namespace

std::string RocksDiskPath(const RocksShare& share, int disk) {
  return absl::StrCat(share.directory, "/disk-", disk);
}

std::string RocksStorePath(const RocksShare& share, int disk, int32_t partition) {
  return absl::StrCat(RocksDiskPath(share, disk), "/tasks/", partition);
}

RocksStatePlace::RocksStatePlace(RocksShare* share, int* disk, SimulatedProcess* process)
    : share_(share),
      disk_(disk),
      own_disk_(*disk),
      process_(process),
      store_(std::make_unique<FaultedCheckpointStore>(share, process)),
      archive_(store_.get(), kPrefix) {}

RocksStatePlace::~RocksStatePlace() = default;

bool RocksStatePlace::HasLocal(int32_t partition) {
  return state::Exists(RocksStorePath(*share_, own_disk_, partition));
}

std::unique_ptr<TaskPlace> RocksStatePlace::PlaceOf(int32_t partition) {
  return std::make_unique<RocksTaskPlace>(share_, own_disk_, partition, store_.get(), process_);
}

absl::Status RocksStatePlace::KeepRules(const router::RuleSet& rules) {
  return archive_.Keep(rules);
}

absl::StatusOr<std::shared_ptr<const router::RuleSet>> RocksStatePlace::FindRules(
    const std::string& hash) {
  return archive_.Find(hash);
}

void RocksStatePlace::Crash() {
  // Where another process has the name by now, it has another disk as well.
  if (*disk_ != own_disk_) return;
  const std::string from = RocksDiskPath(*share_, own_disk_);
  *disk_ = ++share_->disks;
  const std::filesystem::path to = RocksDiskPath(*share_, *disk_);
  std::filesystem::create_directories(to);
  std::error_code ignored;  // a file may go while it is copied, as in a crash
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive, ignored);
}

}  // namespace turnout::support

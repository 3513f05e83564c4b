// Checkpoints of one task: taken, listed, restored, pruned.
//
// A checkpoint is a manifest (checkpoint_manifest.h) under `TASK/manifests/SEQUENCE` and the files
// of a RocksDB under `TASK/files/SHA-256`. Files are named by what they hold, so checkpoints share
// those that did not change and only new ones travel. The manifest comes last and only if there is
// none of that sequence, so a checkpoint is there in full or not at all, and two owners cannot both
// publish the same one.
// Errors: Aborted if another owner published meanwhile (take the next one); DataLoss for a damaged
// checkpoint, the message beginning with its fault's name (restore an older one, alert); else those
// of CheckpointStore.
// Threads: any one at a time; all of it blocks, so it is not for a worker.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/checkpoint_manifest.h"
#include "state/checkpoint_store.h"
#include "state/task_store.h"

namespace turnout::state {

// What is known of one of a task's checkpoints.
struct ListedCheckpoint {
  int64_t sequence = 0;
  absl::StatusOr<CheckpointManifest> manifest;  // DataLoss if it is damaged
};

struct CheckpointCost {
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t files_sent = 0;
  uint64_t bytes_sent = 0;
};

// How far a Restore is.
struct RestoreProgress {
  uint64_t bytes = 0;  // 0: nothing is being restored
  uint64_t bytes_done = 0;
};

// Which checkpoints to keep.
struct PrunePolicy {
  size_t count_min = 3;  // the newest so many stay whatever their age
  size_t count_max = 24;
  int64_t age_ms_max = int64_t{7} * 24 * 3600 * 1000;
  // A file that no manifest names may belong to a checkpoint being taken: it stays so long. Longer
  // than taking one may last.
  int64_t unreferenced_age_ms_max = int64_t{24} * 3600 * 1000;
};

struct PruneResult {
  size_t checkpoints_removed = 0;
  size_t objects_removed = 0;
};

class TaskCheckpoints {
 public:
  // `task` is the beginning of its objects' names ("orders/3"). `scratch` is a directory on the
  // same file system as the task's store, for snapshots; what is there is removed. So many objects
  // travel at a time, each on a thread that lives as long as the call; 1: on the caller's.
  TaskCheckpoints(CheckpointStore* store, std::string task, std::string scratch,
                  int transfers_max = 1);

  // Takes one of what `state` has committed. New files are sent, read back and compared, and the
  // snapshot is opened, before it is published.
  absl::StatusOr<CheckpointManifest> Take(TaskStore* state, int64_t created_at_ms);

  // What the last Take sent.
  const CheckpointCost& last_cost() const { return last_cost_; }

  // The oldest first.
  absl::StatusOr<std::vector<ListedCheckpoint>> List();

  // The store in `directory` is replaced by the checkpoint's once that is there and verified: every
  // file's size and digest, and that it opens at the offset that the manifest says. Tables that the
  // store, which nobody has open, has as well are taken from there. Nothing is synced: a store that
  // a crash of the machine spoils says so when it is opened or read, and is restored again.
  absl::StatusOr<CheckpointManifest> Restore(int64_t sequence, const std::string& directory);

  // Of the Restore under way, a file at a time; any thread may ask.
  RestoreProgress restoring() const { return {restore_bytes_, restore_bytes_done_}; }

  // The store is another one from now on: what is known of its files' digests is forgotten.
  void ForgetFiles() { known_.clear(); }

  // Removes what the policy does not keep, then the files that no manifest names any more. Removes
  // nothing if it can't read all manifests, but for damaged ones, which keep no files.
  absl::StatusOr<PruneResult> Prune(const PrunePolicy& policy, int64_t now_ms);

 private:
  std::string ManifestName(int64_t sequence) const;
  std::string ObjectName(const CheckpointFile& file) const;
  absl::StatusOr<CheckpointManifest> ReadManifest(int64_t sequence);
  absl::StatusOr<std::vector<int64_t>> Sequences();
  absl::StatusOr<std::vector<CheckpointFile>> Describe(const std::string& snapshot);
  absl::Status Send(const std::string& snapshot, const std::vector<CheckpointFile>& files);
  absl::StatusOr<bool> AllThere(const CheckpointManifest& manifest);
  absl::Status Fetch(const CheckpointManifest& manifest, const std::string& replaced,
                     const std::string& directory);
  absl::Status FetchOne(int64_t sequence, const CheckpointFile& file, const std::string& replaced,
                        const std::string& directory);
  void Remember(const std::vector<CheckpointFile>& files);

  CheckpointStore* const store_;
  const std::string task_;
  const std::string scratch_;
  const int transfers_max_;
  // Digests of the store's tables, which never change, by name.
  std::map<std::string, CheckpointFile> known_;
  CheckpointCost last_cost_;
  std::atomic<uint64_t> restore_bytes_{0};
  std::atomic<uint64_t> restore_bytes_done_{0};
};

}  // namespace turnout::state

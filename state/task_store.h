// TaskStore: one task's state, in memory and in a RocksDB of its own.
//
// Pending changes lie in a hash table; Commit adds them and the new point to the recent ones, which
// become a file of RocksDB's once they are many (state/recent_changes.h). There is no write-ahead
// log: a crash takes the store back to an earlier commit, exactly, and the applied offset in it
// says which; the source has what follows. That holds because a file holds whole commits and files
// are made in order. The destructor writes what is in memory, so that nothing is replayed after an
// orderly end.
//
// Errors: those of TaskState; Unavailable as well if another process has the store open. An error
// of another store that shares the memory can be met in Commit: that of its disk. Threads: one,
// except for Snapshot, Collect and stats, which may run on another one at the same time. Lifetime:
// `resources` outlives the store.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "state/change_table.h"
#include "state/expiry.h"
#include "state/ordered_changes.h"
#include "state/recent_changes.h"
#include "state/state_resources.h"
#include "state/stored_keys.h"
#include "state/task_state.h"

namespace rocksdb {
class DB;
}

namespace turnout::state {

struct StoreStats {
  uint64_t disk_bytes = 0;
  uint64_t memtable_bytes = 0;
  uint64_t entries_estimate = 0;
  int64_t durable_watermark_ms = kNoWatermark;
};

class TaskStore : public TaskState {
 public:
  // An empty state that begins at `start_offset`, durable before this returns. What is in
  // `directory` is removed: only a recovery plan decides to do that.
  static absl::StatusOr<std::unique_ptr<TaskStore>> Create(const std::string& directory,
                                                           StateResources* resources,
                                                           int64_t start_offset,
                                                           std::string_view timeline = {});

  // The state that is there, as of the last commit that was durable. NotFound if there is none.
  static absl::StatusOr<std::unique_ptr<TaskStore>> Open(const std::string& directory,
                                                         StateResources* resources);

  ~TaskStore() override;

  const StatePoint& point() const override { return point_; }
  absl::StatusOr<bool> Get(StepId step, std::string_view key, std::string* value) override;
  void Put(StepId step, std::string_view key, std::string_view value,
           int64_t expires_at_ms) override;
  void Delete(StepId step, std::string_view key) override;
  absl::Status Scan(StepId step, std::string_view from, std::string_view to,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) override;
  void AdvanceWatermark(int64_t event_time_ms) override;
  int64_t watermark_ms() const override { return pending_.watermark_ms; }
  absl::Status Retain(absl::Span<const StepId> steps) override;
  size_t pending_bytes() const override { return pending_.bytes() + sealed_.bytes(); }
  void Seal() override;
  absl::Status Commit(int64_t applied_offset, std::string_view rule_set) override;
  void Rollback() override;
  void GoOnIn(std::string_view timeline) override { timeline_ = timeline; }

  // Writes memory to files: what was committed before is durable after.
  absl::Status Flush();

  // A directory with the state as of some commit at or after the last one before the call: files of
  // the store itself, linked, so it must be on the same file system and costs no copying.
  // `directory` must not exist. Commits go on meanwhile.
  absl::Status Snapshot(const std::string& directory);

  // Gives back disk: rewrites the files at least half of whose bytes expired by the last flush, and
  // those with deleted steps. Answers how many there were. Takes as long as that takes; for a
  // thread that has time, every minute or so. Commits go on meanwhile. Before each file
  // `may_go_on` is asked; the rest is for the next call.
  absl::StatusOr<size_t> Collect(absl::FunctionRef<bool()> may_go_on = [] { return true; });

  StoreStats stats() const;

 private:
  // What is changed and not committed.
  struct Batch {
    ChangeTable changes;
    absl::flat_hash_set<StepId> removed;  // steps of which all that is older is deleted
    int64_t watermark_ms = kNoWatermark;
    // Of the steps that were scanned, all changes by key.
    absl::flat_hash_set<StepId> ordered_steps;
    OrderedChanges ordered;

    // The place of a change to be, in order too if its step is.
    char* Change(StepId step, std::string_view key, size_t value_bytes);
    void Order(StepId step);
    void Disorder();
    size_t bytes() const { return changes.used_bytes() + BytesOf(ordered); }
    void Clear(int64_t watermark);
  };

  TaskStore(std::string directory, StateResources* resources);

  absl::Status OpenRocksDb(bool create);
  absl::StatusOr<bool> Answer(std::string_view stored, std::string* value) const;

  const std::string directory_;
  StateResources* const resources_;
  const std::shared_ptr<DurableWatermark> durable_watermark_;
  std::unique_ptr<rocksdb::DB> db_;
  std::unique_ptr<StoredKeys> stored_keys_;
  std::unique_ptr<RecentChanges> recent_;

  StatePoint point_;
  std::string timeline_;  // of the next commit
  Batch pending_;
  Batch sealed_;  // older than what is pending
  bool is_sealed_ = false;
  std::string key_;     // the encoded key of the call in hand; its memory is used again
  std::string stored_;  // what RocksDB answers, the same
};

}  // namespace turnout::state

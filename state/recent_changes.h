// RecentChanges: what a store has committed and not yet written to a file of its RocksDB.
//
// Commits go into a hash table, the open one. When it has its size, or when somebody asks for it,
// it is closed: a background thread sorts it, writes it to a file beside RocksDB's and has RocksDB
// take that file in, atomically. RocksDB's own memtables stay empty. A file holds whole commits and
// the point of the last one, and files are taken in the order of their tables, so that a crash
// takes the store back to an earlier commit, exactly.
//
// Errors: those of writing a file, told by the next call that waits or commits; the table stays and
// is tried again then. Threads: Get, Commit and Views are the worker's; Flush and the sizes are
// anybody's. A lock is taken by each, held for look-ups and for a batch's insertion, never for I/O.
// Lifetime: the database, `memtables` and `stored_keys`, which is told of each file, outlive it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "state/change_table.h"
#include "state/expiry.h"
#include "state/ordered_changes.h"
#include "state/task_state.h"

namespace rocksdb {
class DB;
class Status;
class WriteBufferManager;
}  // namespace rocksdb

namespace turnout::state {

class StoredKeys;

class RecentChanges {
 public:
  using Steps = absl::flat_hash_set<StepId>;

  // The commits of one file to be.
  class Table {
   public:
    explicit Table(rocksdb::WriteBufferManager* memtables) : memtables_(memtables) {}
    ~Table();
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    // Has the steps' changes, by key. The worker's alone.
    const OrderedChanges& ordered() const { return ordered_; }
    // Steps of which nothing older than this table is left.
    const Steps& removed() const { return removed_; }
    const ChangeTable& changes() const { return changes_; }

   private:
    friend class RecentChanges;
    size_t bytes() const;
    // Counts what it takes against the memory of all stores.
    void Charge();
    void StopCharging();

    rocksdb::WriteBufferManager* const memtables_;
    ChangeTable changes_;
    OrderedChanges ordered_;
    Steps removed_;
    StatePoint point_;
    bool has_commits_ = false;
    bool is_closed_ = false;
    size_t charged_bytes_ = 0;
  };

  RecentChanges(rocksdb::DB* db, std::string directory, size_t table_bytes_max,
                std::shared_ptr<rocksdb::WriteBufferManager> memtables,
                std::shared_ptr<DurableWatermark> durable_watermark, StoredKeys* stored_keys);
  // Waits for the files that are being written.
  ~RecentChanges();

  enum class Found { kSeen, kNotSeen, kNotHere };
  // Copies the value to `value` if it is here and seen at the watermark.
  Found Get(uint64_t hash, StepId step, std::string_view key, int64_t watermark_ms,
            std::string* value) const;

  // Those that have changes here. Looks at all of them.
  Steps steps() const;

  // From the newest to the oldest, with the changes of `step` in order from now on. Only the worker
  // changes the open one, so it may read it until it commits.
  std::vector<std::shared_ptr<const Table>> Ordering(StepId step);

  // Adds a batch. Waits if the table before the open one has not become a file yet and that one is
  // full too.
  absl::Status Commit(const ChangeTable& changes, const Steps& removed, const StatePoint& point);
  // By how much Commit would let memory grow, at most.
  size_t GrowthMax(const ChangeTable& changes) const;

  // Closes the open table, if it has any commits; with `wait`, until all of them are files.
  absl::Status Flush(bool wait);

  size_t bytes() const;
  size_t open_bytes() const;
  size_t entries() const;

 private:
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Close() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartWriting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status TryAgain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The background thread's.
  void WriteFiles();
  absl::Status WriteFile(const Table& table);
  rocksdb::Status AwaitRoom();
  rocksdb::Status WriteSorted(const Table& table, const std::string& path);

  rocksdb::DB* const db_;
  const std::string directory_;
  const size_t table_bytes_max_;
  const std::shared_ptr<rocksdb::WriteBufferManager> memtables_;
  const std::shared_ptr<DurableWatermark> durable_watermark_;
  StoredKeys* const stored_keys_;
  Steps ordered_steps_;      // that were scanned; the worker's
  bool has_failed_ = false;  // the last file did; the background thread's

  mutable absl::Mutex mutex_;
  std::shared_ptr<Table> open_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<Table>> closed_ ABSL_GUARDED_BY(mutex_);  // oldest first
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);  // of the oldest closed one's file
};

}  // namespace turnout::state

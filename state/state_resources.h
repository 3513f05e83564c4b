// StateResources: the memory and threads that all tasks' stores of a process share, with a ceiling.
//
// One cache holds what is read (blocks, indexes, filters), and what the stores have not yet written
// to their files (memtables) is counted against it, so that both together stay below
// `memory_bytes_max`. Memtables have a limit of their own within it: near it, the store with the
// largest is told to write its files, whichever is committing; at it, the committing store waits.
// Filters over stores' keys (state/stored_keys.h) take a quarter of it, at most, and the cache is
// so much smaller. Not counted: a batch's pending changes (TaskState::pending_bytes), what
// compactions read and write (a few MiB each, at most `background_threads` at a time), and a task's
// bookkeeping (state/README.md says how much). Threads: any. Commit takes a lock here once a batch.
// Lifetime: outlives its stores.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace rocksdb {
class Cache;
class TableFactory;
class WriteBufferManager;
}  // namespace rocksdb

namespace turnout::state {

class RecentChanges;

struct StateLimits {
  // Cache and memtables of all tasks. Less: more reads from disk.
  size_t memory_bytes_max = size_t{256} << 20;
  // Of it, memtables: at most half. Less: more and smaller files, more compaction.
  size_t memtable_bytes_max = size_t{96} << 20;
  // Of it, one task's; a task writes a file when it has so much.
  size_t task_memtable_bytes_max = size_t{32} << 20;
  // Open files a task.
  int task_files_max = 64;
  // Flushes and compactions at a time, over all tasks.
  int background_threads = 2;
};

class StateResources {
 public:
  // Limits that contradict each other are brought into order: memtables take at most half.
  explicit StateResources(const StateLimits& limits);
  ~StateResources();
  StateResources(const StateResources&) = delete;
  StateResources& operator=(const StateResources&) = delete;

  const StateLimits& limits() const { return limits_; }

  // What is counted against `memory_bytes_max` now, and the memtables' part of it.
  size_t memory_bytes() const;
  size_t memtable_bytes() const;

  // For filters over a store's keys. False: there is no room for one of so many bytes.
  bool TakeForFilter(size_t bytes);
  void GiveBackFilter(size_t bytes);

  // For stores. Add and Remove bracket a store's life.
  void Add(RecentChanges* store);
  void Remove(RecentChanges* store);
  // Before so many bytes of memtables are written, by `asking` or by a store that is none of these.
  // What is wrong with `asking` itself is said as it is. Another store's fault is none of its: room
  // is made of the others, and where that is not enough it is Unavailable, or ResourceExhausted.
  absl::Status MakeRoom(size_t bytes, const RecentChanges* asking = nullptr);
  const std::shared_ptr<rocksdb::TableFactory>& tables() const { return tables_; }
  const std::shared_ptr<rocksdb::WriteBufferManager>& memtables() const { return memtables_; }

 private:
  absl::Status FlushLargest(bool wait, const RecentChanges* asking)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const StateLimits limits_;
  const std::shared_ptr<rocksdb::Cache> cache_;
  // One for all: what open files take is counted in steps of 256 KiB a factory.
  const std::shared_ptr<rocksdb::TableFactory> tables_;
  const std::shared_ptr<rocksdb::WriteBufferManager> memtables_;
  mutable absl::Mutex filters_mutex_;
  size_t filter_bytes_ ABSL_GUARDED_BY(filters_mutex_) = 0;
  absl::Mutex mutex_;
  std::vector<RecentChanges*> stores_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace turnout::state

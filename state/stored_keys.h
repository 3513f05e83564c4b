// StoredKeys: says of a key that none of a store's files has it, mostly without asking RocksDB,
// which looks into a filter of each file.
//
// A KeyFilter over the keys of all files, in memory alone. It is made by a scan, in the background,
// when the store is opened and again when as many keys were added as it has room for: those that
// were deleted or have expired are gone then. Files that come meanwhile are added to the old one
// and to the new one. Until there is one, or where it finds no room within the stores' memory,
// every key may be there.
//
// Threads: MayHave is the worker's; Add and Renew are of the thread that writes files, one at a
// time. Lifetime: the database and `resources` outlive it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "state/change_table.h"
#include "state/expiry.h"
#include "state/key_filter.h"
#include "state/state_resources.h"

namespace rocksdb {
class DB;
class Iterator;
}  // namespace rocksdb

namespace turnout::state {

class StoredKeys {
 public:
  StoredKeys(rocksdb::DB* db, StateResources* resources,
             std::shared_ptr<const DurableWatermark> durable_watermark);
  // Waits for a scan, which ends early.
  ~StoredKeys();

  // False: no file has the key, or it has expired there. By ChangeTable::Hash; only of keys that
  // are in no change that waits to become a file.
  bool MayHave(uint64_t hash) const;

  // Before a file with these changes is taken in.
  void Add(const ChangeTable& changes);
  // After one was, and before all others: makes a filter where there is none, or the one that there
  // is is full.
  void Renew();

 private:
  class Filter;

  void StartScan(std::shared_ptr<Filter> filter);
  void Scan();
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return next_ == nullptr; }

  rocksdb::DB* const db_;
  StateResources* const resources_;
  const std::shared_ptr<const DurableWatermark> durable_watermark_;
  std::atomic<bool> is_ending_ = false;

  // Of the scan, from its start on the background thread's.
  std::unique_ptr<rocksdb::Iterator> stored_;
  int64_t scan_watermark_ms_ = 0;

  mutable absl::Mutex mutex_;
  std::shared_ptr<Filter> filter_ ABSL_GUARDED_BY(mutex_);  // of all files; null: there is none
  std::shared_ptr<Filter> next_ ABSL_GUARDED_BY(mutex_);    // not yet of all; null: no scan goes on
  uint64_t scanned_keys_ ABSL_GUARDED_BY(mutex_) = 0;       // by the last scan
};

}  // namespace turnout::state

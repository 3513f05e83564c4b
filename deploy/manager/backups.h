// Backups: verified copies of the store, made while the manager serves, of which so many are kept.
//
// A thread makes one whenever the newest there is is old enough, and this manager is the active
// one. Each is whole by itself (state/document_backup.h), named by its time and the newest change
// in it: `2026-01-31t12-00-00z-4711`. Then older ones beyond `keep` are removed, and what
// unfinished ones have left for a day; those of other names are left alone. They hold secrets as
// they are stored: sealed. Proposals and the audit log are not in them.
//
// Errors: in the log and the metrics; it tries again after a minute.
// Threads: its own; AppendMetrics: any.
// Lifetime: Stop, or the destructor, waits for a backup that is being made.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "deploy/manager/item_store.h"
#include "runtime/process_clock.h"
#include "state/checkpoint_store.h"

namespace turnout::manager {

struct BackupSettings {
  std::string to;  // empty: none are made
  // Less: fewer changes are lost with both stores; more is written: each is as large as the store.
  int64_t every_minutes = 60;
  int64_t keep = 48;
};

struct MadeBackup {
  std::string name;
  int64_t newest = 0;  // the change
  uint64_t bytes = 0;
};

absl::StatusOr<MadeBackup> MakeBackup(ItemStore* store, state::CheckpointStore* to, absl::Time now);

// The time in such a name; InfinitePast for another one.
absl::Time TimeOfBackup(std::string_view name);

// Removes those of such names that are more than the newest `keep`, and what has been unfinished
// for a day.
absl::Status RemoveOldBackups(state::CheckpointStore* in, size_t keep, absl::Time now);

class Backups {
 public:
  // `store` outlives it. `may_now` says whether this manager is the one to make them.
  Backups(ItemStore* store, std::unique_ptr<state::CheckpointStore> to, BackupSettings settings,
          std::function<bool()> may_now);
  ~Backups();
  void Start();
  void Stop();

  // Makes one if it is due. On one thread.
  void Step(absl::Time now);

  void AppendMetrics(absl::Time now, std::string* text) const;

 private:
  absl::Status MakeOne(absl::Time now);

  ItemStore* const store_;
  const std::unique_ptr<state::CheckpointStore> to_;
  const BackupSettings settings_;
  const std::function<bool()> may_now_;
  absl::Time looked_at_ = absl::InfinitePast();  // of Step's thread
  std::atomic<bool> is_ending_{false};
  runtime::ProcessClock clock_;
  mutable absl::Mutex mu_;
  absl::Time newest_at_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  uint64_t newest_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t made_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t failed_ ABSL_GUARDED_BY(mu_) = 0;
  std::thread thread_;
};

}  // namespace turnout::manager

// KeptTable: one table of the process: the records of its topic, taken turn by turn into its store.
//
// Until it is loaded (the end that the topic had when reading began has been reached), and again
// when its topic turns out to have been made anew or its files to be damaged, which an answer or a
// write finds, it answers nobody: a key that is not there yet is not a missing one. So it is with
// one that was read on too late: its topic may have forgotten deletions by then that the table has
// not seen, as after a router was away for a day.
//
// A record that is no table's (no key; a value that is too large, or neither JSON nor text) is
// skipped and counted; such a value takes the key out of the table.
//
// One whose files come to take more than it may is refused for good: emptied, read no further, and
// answering nobody.
//
// Errors: of Turn, those of TableSource and TableStore; the next Turn goes on where it stood.
//   ResourceExhausted: it is refused.
// Threads: Turn on one; Find and status on any.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/table_source.h"
#include "router/table_value.h"
#include "runtime/clock.h"
#include "state/table_store.h"

namespace turnout::runtime {

struct TableStatus {
  std::string name;
  std::string topic;
  bool loaded = false;
  bool refused = false;  // it takes more than it may; `problem` says so
  std::string problem;   // of the last turn; empty: none
  uint64_t entries_estimate = 0;
  uint64_t disk_bytes = 0;
  int64_t lag = 0;       // records and gaps that are not applied yet
  uint64_t records = 0;  // applied since the start
  uint64_t skipped = 0;  // of them, those that are no table's
  uint64_t anew = 0;     // times it was emptied and read again
  absl::Time last_change = absl::InfinitePast();
};

class KeptTable {
 public:
  // It may take `bytes_max` on disk. The clock is borrowed.
  KeptTable(std::string name, std::string topic, uint64_t bytes_max,
            std::unique_ptr<state::TableStore> store,
            std::unique_ptr<connectors::TableSource> source, Clock* clock);

  // Takes what has come, waiting up to `max_wait` for it.
  absl::Status Turn(absl::Duration max_wait);

  // Unavailable: not loaded. DataLoss: damaged, and about to be read anew.
  absl::StatusOr<bool> Find(std::string_view key, std::string* value) const;

  TableStatus status() const;

 private:
  absl::Status TurnOnce(absl::Duration max_wait);
  // From the next Poll on, which says so.
  void ReadAnew(std::string because);
  absl::Status Empty();
  absl::Status HoldToLimit();
  // Why deletions may have come and gone since the log was last read to its end; empty: none have.
  std::string MissedDeletions() const;
  // Until when the table is complete once what is pending is applied, if that is news.
  std::optional<int64_t> CompleteUntilMs() const;
  absl::Status Apply();

  const std::string name_;
  const std::string topic_;
  const uint64_t bytes_max_;
  const std::unique_ptr<state::TableStore> store_;
  const std::unique_ptr<connectors::TableSource> source_;
  Clock* const clock_;

  // Of Turn's thread.
  bool is_pending_ = false;  // `batch_` has been polled and not applied
  connectors::TableBatch batch_;
  bool loads_all_;            // from the log's beginning on, until it is loaded
  std::string anew_because_;  // empty: the source began it
  router::TableValueReader reader_;
  std::vector<state::TableChange> changes_;
  std::deque<std::string> texts_;  // of values that had to be written anew

  absl::Status refused_;  // OK: it is not

  std::atomic<bool> loaded_{false};
  mutable std::atomic<bool> is_damaged_{false};  // found since the last turn
  mutable absl::Mutex mu_;
  TableStatus status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::runtime

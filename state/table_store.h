// TableStore: a table kept from a compacted topic: key to value, in a RocksDB of its own.
//
// Beside its entries it holds the next offset to read of each partition of its topic, and until
// when it is complete, written in the same batch as the changes that led there. There is no
// write-ahead log: what a crash forgets is read again, from the offsets that are left. A store that
// is damaged, of another topic or of another format is wiped when it is opened; the topic has all
// of it.
//
// Units: bytes of values are those that were given. Its size on disk is for its caller to bound;
// in memory it has its part of StateResources.
// Errors: Unavailable if another process has the store open; DataLoss from a read that finds
//   damage; ResourceExhausted for a full disk.
// Threads: Find and stats on any, at the same time as everything else; all other calls on one. Only
//   Clear makes them wait, for as long as closing takes.
// Lifetime: `resources` outlives the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "state/state_resources.h"

namespace rocksdb {
class DB;
class WriteBatch;
}  // namespace rocksdb

namespace turnout::state {

// A larger value is not kept: its key is not in the table then.
inline constexpr size_t kTableValueBytesMax = size_t{1} << 20;

// The next offset to read, by partition.
using TableOffsets = std::map<int32_t, int64_t>;

struct TableChange {
  std::string_view key;
  std::optional<std::string_view> value;  // nothing: the key is deleted
};

struct TableStats {
  uint64_t entries_estimate = 0;
  uint64_t disk_bytes = 0;
};

class TableStore {
 public:
  // What is there of this topic, else an empty table.
  static absl::StatusOr<std::unique_ptr<TableStore>> Open(const std::string& directory,
                                                          std::string_view topic,
                                                          StateResources* resources);
  ~TableStore();

  // Why the table that was there was wiped; empty: it was not, or there was none.
  const std::string& wiped_because() const { return wiped_because_; }

  // As of the last Apply.
  const TableOffsets& offsets() const { return offsets_; }

  // Unix time: all that its topic held then is in it, or yet to be read from the offsets. Nothing:
  // it is empty, or of a version that didn't say.
  std::optional<int64_t> complete_until_ms() const { return complete_until_ms_; }

  // The changes in their order, the offsets, and a time if there is one, together. Of offsets only
  // those that are named change. Answers how many values were too large to keep. After an error,
  // the same call again.
  absl::StatusOr<size_t> Apply(absl::Span<const TableChange> changes, const TableOffsets& offsets,
                               std::optional<int64_t> complete_until_ms = std::nullopt);

  // Forgets everything, offsets included: its files are removed, damaged ones too. After an error,
  // the same call again; until then it is closed.
  absl::Status Clear();

  // False: there is no such key. Unavailable: it is being cleared.
  absl::StatusOr<bool> Find(std::string_view key, std::string* value) const;

  TableStats stats() const;

 private:
  TableStore(std::string directory, StateResources* resources);

  absl::Status OpenRocksDb();
  void Close();
  // Whether what is there may be used; reads the offsets and the time.
  absl::Status ReadHead(std::string_view topic);
  absl::Status ReadCompleteUntil();
  absl::Status Write(rocksdb::WriteBatch* batch);

  const std::string directory_;
  StateResources* const resources_;
  mutable absl::Mutex mu_;
  // Null: closed. Written under mu_ by the one thread, which reads it without.
  std::unique_ptr<rocksdb::DB> db_;
  std::string head_;
  std::string wiped_because_;
  TableOffsets offsets_;
  std::optional<int64_t> complete_until_ms_;
  bool failed_ = false;  // the last write did
};

}  // namespace turnout::state

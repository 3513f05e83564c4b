// DocumentStore: a small ordered store of keys and values that forgets nothing it has acknowledged.
//
// It is a RocksDB whose write-ahead log is synced with each batch: when Write returns, the batch is
// on the disk whole, whatever becomes of the process or the machine; and a mark beside it says so,
// so that a log that has lost its end is found out (state/sequence_mark.h). Readers look at a view,
// the state as of one moment, and wait for nobody. For what people write, some a second; what
// events write belongs in a TaskStore.
//
// Errors: DataLoss for a damaged store, found when it is opened or when the damaged part is read:
//   restore a backup (state/document_backup.h). Unavailable if another process has it open, or the
//   disk doesn't answer; ResourceExhausted for a full disk. Of a Write that failed nothing is seen;
//   it may be there once the store is opened again, if the disk had taken it.
// Threads: any; batches are written one after the other.
// Lifetime: the store outlives its views.
#pragma once

#include <atomic>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/sequence_mark.h"

namespace rocksdb {
class DB;
class Snapshot;
}  // namespace rocksdb

namespace turnout::state {

// Of one key; the later of two in a batch counts.
struct DocumentChange {
  std::string key;
  std::optional<std::string> value;  // none: the key is deleted
};

// Which keys, and in which order: those that begin with `prefix`. Forwards from `from` on, that one
// included; backwards from the last one before `from`. An empty one leaves none out.
struct DocumentRange {
  std::string prefix;
  std::string from;
  bool is_backwards = false;
  size_t limit = std::numeric_limits<size_t>::max();
};

// All keys and values as of the moment when it was made.
class DocumentView {
 public:
  ~DocumentView();
  DocumentView(const DocumentView&) = delete;
  DocumentView& operator=(const DocumentView&) = delete;

  // Nullopt: there is no such key.
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const;

  // Until `visit` answers false; what it is shown lives as long as the call.
  absl::Status Scan(const DocumentRange& range,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) const;

 private:
  friend class DocumentStore;
  DocumentView(rocksdb::DB* db, const std::string* directory);

  rocksdb::DB* const db_;
  const std::string* const directory_;
  const rocksdb::Snapshot* const snapshot_;
};

class DocumentStore {
 public:
  // The store there, or a new empty one. DataLoss if there are files of one, but no whole one.
  static absl::StatusOr<std::unique_ptr<DocumentStore>> Open(const std::string& directory);
  // A whole one that nobody has open, as it is; nothing is written to it.
  static absl::StatusOr<std::unique_ptr<DocumentStore>> OpenToRead(const std::string& directory);
  ~DocumentStore();

  // All of it or nothing; durable when it returns. Not of a store that is open to be read.
  absl::Status Write(const std::vector<DocumentChange>& batch);

  DocumentView View() const;

  // A directory with the store as of some moment of the call: files of the store itself, linked, so
  // it must be on the same file system, and not exist. Writes go on meanwhile.
  absl::Status Snapshot(const std::string& directory) const;

  // Reads all files and compares each block with its checksum. Takes as long as that takes.
  absl::Status Verify() const;

 private:
  explicit DocumentStore(std::string directory);
  static absl::StatusOr<std::unique_ptr<DocumentStore>> OpenAs(const std::string& directory,
                                                               bool to_read);

  const std::string directory_;
  std::unique_ptr<rocksdb::DB> db_;
  std::unique_ptr<SequenceMark> mark_;  // none: it is open to be read
  std::atomic<bool> has_failed_{false};
};

}  // namespace turnout::state

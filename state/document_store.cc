#include "state/document_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/snapshot.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_format.h"
#include "state/files.h"
#include "state/rocksdb_status.h"

namespace turnout::state {
namespace {

constexpr size_t kCacheBytes = size_t{32} << 20;
// Behind a full disk RocksDB waits until there is room for one of these.
constexpr size_t kMemtableBytes = size_t{4} << 20;
constexpr size_t kLogFileBytesMax = 256 * 1024;
constexpr int kOpenFilesMax = 256;
constexpr int kBackgroundJobsMax = 2;
constexpr std::string_view kMarkFile = "/ACKNOWLEDGED";

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

rocksdb::Options MakeOptions() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kCacheBytes);
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.create_if_missing = true;
  options.paranoid_checks = true;
  // A record that a crash cut short was never acknowledged. RocksDB takes some damage for that, and
  // leaves out all that follows: the mark tells.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;
  options.write_buffer_size = kMemtableBytes;
  options.max_open_files = kOpenFilesMax;
  options.max_background_jobs = kBackgroundJobsMax;
  options.compression = rocksdb::kLZ4Compression;
  // Only what concerns this store, little of it, and no timers.
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_log_file_size = kLogFileBytesMax;
  options.keep_log_file_num = 2;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

// RocksDB would begin anew where the file that names the others is gone, and forget the rest.
absl::Status RefuseRemains(const std::string& directory) {
  std::error_code error;
  for (std::filesystem::directory_iterator next(directory, error), end; !error && next != end;
       next.increment(error)) {
    const std::string extension = next->path().extension();
    if (extension != ".sst" && extension != ".log") continue;
    return absl::DataLossError(
        absl::StrFormat("opening %s: CURRENT is gone, and %s is there; restore a backup", directory,
                        next->path().filename().string()));
  }
  if (error) return ErrnoStatus(error.value(), "listing", directory);
  return absl::OkStatus();
}

// The first text behind all that begin with `prefix`; empty: there is none.
std::string EndOf(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

}  // namespace

DocumentView::DocumentView(rocksdb::DB* db, const std::string* directory)
    : db_(db), directory_(directory), snapshot_(db->GetSnapshot()) {}

DocumentView::~DocumentView() { db_->ReleaseSnapshot(snapshot_); }

absl::StatusOr<std::optional<std::string>> DocumentView::Get(std::string_view key) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  std::string value;
  const rocksdb::Status status = db_->Get(options, ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return FromRocksDb(status, "reading", *directory_);
  return value;
}

absl::Status DocumentView::Scan(
    const DocumentRange& range,
    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) const {
  std::string begin = range.prefix;
  std::string end = EndOf(range.prefix);
  if (range.is_backwards && !range.from.empty()) {
    end = end.empty() ? range.from : std::min(end, range.from);
  } else {
    begin = std::max(begin, range.from);
  }
  if (!end.empty() && begin >= end) return absl::OkStatus();
  const rocksdb::Slice lower(begin);
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  options.iterate_lower_bound = &lower;
  if (!end.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> next(db_->NewIterator(options));
  range.is_backwards ? next->SeekToLast() : next->Seek(lower);
  for (size_t left = range.limit; left > 0 && next->Valid(); --left) {
    if (!visit(View(next->key()), View(next->value()))) break;
    range.is_backwards ? next->Prev() : next->Next();
  }
  return FromRocksDb(next->status(), "scanning", *directory_);
}

DocumentStore::DocumentStore(std::string directory) : directory_(std::move(directory)) {}

DocumentStore::~DocumentStore() = default;

absl::StatusOr<std::unique_ptr<DocumentStore>> DocumentStore::Open(const std::string& directory) {
  if (!Exists(directory + "/CURRENT")) {
    if (absl::Status made = MakeDirectoryDurably(directory); !made.ok()) return made;
    if (absl::Status refused = RefuseRemains(directory); !refused.ok()) return refused;
  }
  absl::StatusOr<std::unique_ptr<DocumentStore>> store = OpenAs(directory, /*to_read=*/false);
  if (!store.ok()) return store;
  absl::StatusOr<std::unique_ptr<SequenceMark>> mark =
      SequenceMark::Open(directory + std::string(kMarkFile));
  if (!mark.ok()) return mark.status();
  const uint64_t sequence = (*store)->db_->GetLatestSequenceNumber();
  if (sequence < (*mark)->sequence()) {
    return absl::DataLossError(
        absl::StrFormat("opening %s: it ends at %d, and %d was acknowledged; restore a backup",
                        directory, sequence, (*mark)->sequence()));
  }
  (*store)->mark_ = *std::move(mark);
  return store;
}

absl::StatusOr<std::unique_ptr<DocumentStore>> DocumentStore::OpenToRead(
    const std::string& directory) {
  return OpenAs(directory, /*to_read=*/true);
}

absl::StatusOr<std::unique_ptr<DocumentStore>> DocumentStore::OpenAs(const std::string& directory,
                                                                     bool to_read) {
  std::unique_ptr<DocumentStore> store(new DocumentStore(directory));
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = to_read
                                     ? rocksdb::DB::OpenForReadOnly(MakeOptions(), directory, &db)
                                     : rocksdb::DB::Open(MakeOptions(), directory, &db);
  if (opened.IsInvalidArgument()) {
    // Its files don't add up to a store: CURRENT names nothing.
    return absl::DataLossError(
        absl::StrFormat("opening %s: %s; restore a backup", directory, opened.ToString()));
  }
  if (!opened.ok()) return FromRocksDb(opened, "opening", directory);
  store->db_.reset(db);
  return store;
}

absl::Status DocumentStore::Write(const std::vector<DocumentChange>& batch) {
  if (has_failed_) {
    // RocksDB refuses all writes after a failed one until it is told that the disk may be well, or,
    // of a full one, has found so itself; it looks every five seconds.
    const rocksdb::Status resumed = db_->Resume();
    if (resumed.IsBusy()) {
      return absl::UnavailableError(absl::StrFormat(
          "writing %s: the disk was full; with %d MiB free it goes on within some seconds",
          directory_, kMemtableBytes >> 20));
    }
    if (!resumed.ok()) return FromRocksDb(resumed, "going on after a failed write to", directory_);
  }
  rocksdb::WriteBatch changes;
  for (const DocumentChange& change : batch) {
    (change.value ? changes.Put(change.key, *change.value) : changes.Delete(change.key))
        .PermitUncheckedError();
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status written = db_->Write(options, &changes);
  has_failed_ = !written.ok();
  if (!written.ok()) return FromRocksDb(written, "writing", directory_);
  // The batch is durable whatever becomes of its mark, which the next batch's replaces.
  mark_->Advance(db_->GetLatestSequenceNumber()).IgnoreError();
  return absl::OkStatus();
}

DocumentView DocumentStore::View() const { return {db_.get(), &directory_}; }

absl::Status DocumentStore::Snapshot(const std::string& directory) const {
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(directory, /*log_size_for_flush=*/0);
  return FromRocksDb(status, "making a snapshot in", directory);
}

absl::Status DocumentStore::Verify() const {
  return FromRocksDb(db_->VerifyChecksum(), "verifying", directory_);
}

}  // namespace turnout::state

#include "state/table_store.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "state/files.h"
#include "state/rocksdb_status.h"

namespace turnout::state {
namespace {

// Keys: "c" is until when it is complete; "h" the head; "o" and four bytes, big end first, the
// offset of a partition; "t" and a key the table's entry.
constexpr std::string_view kCompleteUntilKey = "c";
constexpr std::string_view kHeadKey = "h";
constexpr char kOffsetPrefix = 'o';
constexpr char kEntryPrefix = 't';
// Changes when the same bytes come to mean something else.
constexpr std::string_view kHeadFormat = "turnout table 1 ";

constexpr size_t kMemtableBytesMax = size_t{8} << 20;
constexpr size_t kArenaBlockBytes = 64 * 1024;
constexpr size_t kNodeBytes = 64;  // what a change takes in a memtable beside its bytes
constexpr size_t kLogFileBytesMax = 256 * 1024;

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }

std::string OffsetKey(int32_t partition) {
  std::string key(1, kOffsetPrefix);
  for (int shift = 24; shift >= 0; shift -= 8) {
    key.push_back(static_cast<char>(static_cast<uint32_t>(partition) >> shift));
  }
  return key;
}

int32_t PartitionOf(const rocksdb::Slice& key) {
  uint32_t partition = 0;
  for (size_t i = 1; i < key.size(); ++i) {
    partition = partition << 8 | static_cast<unsigned char>(key[i]);
  }
  return static_cast<int32_t>(partition);
}

rocksdb::Options MakeOptions(const StateResources& resources) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.table_factory = resources.tables();
  options.write_buffer_manager = resources.memtables();
  // Counted against what all stores share; RocksDB writes it to a file when that is full, too.
  options.write_buffer_size =
      std::min(kMemtableBytesMax, resources.limits().task_memtable_bytes_max);
  options.arena_block_size = kArenaBlockBytes;
  options.max_open_files = resources.limits().task_files_max;
  options.max_background_jobs = 2 * resources.limits().background_threads;
  options.compression = rocksdb::kLZ4Compression;
  options.level_compaction_dynamic_level_bytes = true;
  // Only what concerns this store, little of it, and no timers.
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_log_file_size = kLogFileBytesMax;
  options.keep_log_file_num = 2;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

}  // namespace

TableStore::TableStore(std::string directory, StateResources* resources)
    : directory_(std::move(directory)), resources_(resources) {}

TableStore::~TableStore() { Close(); }

void TableStore::Close() {
  std::unique_ptr<rocksdb::DB> closing;
  {
    const absl::MutexLock lock(&mu_);
    closing.swap(db_);
  }
  // It flushes; what it fails to flush is read again.
  if (closing != nullptr) closing->Close().PermitUncheckedError();
}

absl::StatusOr<std::unique_ptr<TableStore>> TableStore::Open(const std::string& directory,
                                                             std::string_view topic,
                                                             StateResources* resources) {
  if (absl::Status status = MakeDirectory(directory); !status.ok()) return status;
  absl::Status status;
  std::string wiped_because;
  for (int attempt = 0; attempt < 2; ++attempt) {
    std::unique_ptr<TableStore> store(new TableStore(directory, resources));
    status = store->OpenRocksDb();
    if (status.ok()) status = store->ReadHead(topic);
    if (status.ok()) {
      store->wiped_because_ = std::move(wiped_because);
      return store;
    }
    if (!absl::IsDataLoss(status)) return status;
    wiped_because = std::string(status.message().data(), status.message().size());
    store.reset();
    if (absl::Status removed = RemoveAll(directory); !removed.ok()) return removed;
    if (absl::Status made = MakeDirectory(directory); !made.ok()) return made;
  }
  return status;
}

absl::Status TableStore::OpenRocksDb() {
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(MakeOptions(*resources_), directory_, &db);
  if (status.IsInvalidArgument()) {
    // Its files don't add up to a store: CURRENT is gone, or names nothing.
    return absl::DataLossError(absl::StrCat("opening ", directory_, ": ", status.ToString()));
  }
  if (!status.ok()) return FromRocksDb(status, "opening", directory_);
  const absl::MutexLock lock(&mu_);
  db_.reset(db);
  return absl::OkStatus();
}

absl::Status TableStore::ReadHead(std::string_view topic) {
  head_ = std::string(kHeadFormat) + std::string(topic);
  std::string head;
  const rocksdb::Status got = db_->Get({}, ToSlice(kHeadKey), &head);
  // Nothing was ever written, or none of it was durable.
  if (got.IsNotFound()) return absl::OkStatus();
  if (!got.ok()) return FromRocksDb(got, "reading", directory_);
  if (head != head_) {
    return absl::DataLossError(absl::StrCat(directory_, " holds another topic's table: '", head,
                                            "' rather than '", head_, "'"));
  }
  rocksdb::ReadOptions options;
  const std::string end(1, kOffsetPrefix + 1);
  const rocksdb::Slice bound(end);
  options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> stored(db_->NewIterator(options));
  for (stored->Seek(std::string(1, kOffsetPrefix)); stored->Valid(); stored->Next()) {
    int64_t offset = 0;
    if (stored->key().size() != OffsetKey(0).size() ||
        !absl::SimpleAtoi(stored->value().ToString(), &offset)) {
      return absl::DataLossError(directory_ + ": an offset can't be read");
    }
    offsets_[PartitionOf(stored->key())] = offset;
  }
  if (!stored->status().ok()) {
    return FromRocksDb(stored->status(), "reading the offsets of", directory_);
  }
  return ReadCompleteUntil();
}

absl::Status TableStore::ReadCompleteUntil() {
  std::string text;
  const rocksdb::Status got = db_->Get({}, ToSlice(kCompleteUntilKey), &text);
  if (got.IsNotFound()) return absl::OkStatus();
  if (!got.ok()) return FromRocksDb(got, "reading", directory_);
  int64_t until_ms = 0;
  if (!absl::SimpleAtoi(text, &until_ms)) {
    return absl::DataLossError(directory_ + ": until when it is complete can't be read");
  }
  complete_until_ms_ = until_ms;
  return absl::OkStatus();
}

absl::Status TableStore::Write(rocksdb::WriteBatch* batch) {
  if (failed_) {
    // RocksDB refuses all writes after a failed flush until it is told that the disk may be well.
    const rocksdb::Status resumed = db_->Resume();
    if (!resumed.ok()) return FromRocksDb(resumed, "writing", directory_);
  }
  failed_ = true;
  const size_t bytes = batch->GetDataSize() + batch->Count() * kNodeBytes + kArenaBlockBytes;
  if (absl::Status status = resources_->MakeRoom(bytes); !status.ok()) return status;
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  const rocksdb::Status written = db_->Write(options, batch);
  if (!written.ok()) return FromRocksDb(written, "writing", directory_);
  failed_ = false;
  return absl::OkStatus();
}

absl::StatusOr<size_t> TableStore::Apply(absl::Span<const TableChange> changes,
                                         const TableOffsets& offsets,
                                         std::optional<int64_t> complete_until_ms) {
  size_t refused = 0;
  rocksdb::WriteBatch batch;
  std::string key(1, kEntryPrefix);
  for (const TableChange& change : changes) {
    key.resize(1);
    key.append(change.key);
    const bool fits = change.value && change.value->size() <= kTableValueBytesMax;
    refused += change.value.has_value() && !fits;
    (fits ? batch.Put(key, ToSlice(*change.value)) : batch.Delete(key)).PermitUncheckedError();
  }
  for (const auto& [partition, offset] : offsets) {
    batch.Put(OffsetKey(partition), absl::StrCat(offset)).PermitUncheckedError();
  }
  if (complete_until_ms) {
    batch.Put(ToSlice(kCompleteUntilKey), absl::StrCat(*complete_until_ms)).PermitUncheckedError();
  }
  batch.Put(ToSlice(kHeadKey), head_).PermitUncheckedError();
  if (absl::Status status = Write(&batch); !status.ok()) return status;
  for (const auto& [partition, offset] : offsets) offsets_[partition] = offset;
  if (complete_until_ms) complete_until_ms_ = complete_until_ms;
  return refused;
}

absl::Status TableStore::Clear() {
  Close();
  if (absl::Status removed = RemoveAll(directory_); !removed.ok()) return removed;
  if (absl::Status made = MakeDirectory(directory_); !made.ok()) return made;
  if (absl::Status opened = OpenRocksDb(); !opened.ok()) return opened;
  offsets_.clear();
  complete_until_ms_.reset();
  failed_ = false;
  return absl::OkStatus();
}

absl::StatusOr<bool> TableStore::Find(std::string_view key, std::string* value) const {
  // One a thread, so that readers share nothing and allocate nothing once warm.
  thread_local std::string stored_key;
  stored_key.assign(1, kEntryPrefix);
  stored_key.append(key);
  rocksdb::PinnableSlice stored;
  const absl::ReaderMutexLock lock(&mu_);
  if (db_ == nullptr) return absl::UnavailableError(directory_ + " is being cleared");
  const rocksdb::Status status =
      db_->Get({}, db_->DefaultColumnFamily(), rocksdb::Slice(stored_key), &stored);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return FromRocksDb(status, "reading", directory_);
  value->assign(stored.data(), stored.size());
  return true;
}

TableStats TableStore::stats() const {
  TableStats stats;
  const absl::ReaderMutexLock lock(&mu_);
  if (db_ == nullptr) return stats;
  using Properties = rocksdb::DB::Properties;
  db_->GetIntProperty(Properties::kTotalSstFilesSize, &stats.disk_bytes);
  db_->GetIntProperty(Properties::kEstimateNumKeys, &stats.entries_estimate);
  return stats;
}

}  // namespace turnout::state

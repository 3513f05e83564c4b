#include "state/task_store.h"

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "state/files.h"
#include "state/rocksdb_status.h"
#include "state/state_format.h"

namespace turnout::state {
namespace {

// A small store must not take a large piece of memory: RocksDB's arenas grow by this.
constexpr size_t kArenaBlockBytes = 16 * 1024;
// RocksDB keeps a buffer of this for each file it writes, two of which are always open; and a table
// of open files in 2^N parts.
constexpr size_t kWriteBufferBytes = 32 * 1024;
constexpr int kOpenFilesShardBits = 1;
constexpr size_t kLogFileBytesMax = 256 * 1024;
constexpr size_t kManifestBytesMax = 4 * 1024 * 1024;
// L0 may have so many files before they are merged. Fewer: each byte is merged more often. More:
// more filters to ask.
constexpr int kFilesBeforeMerge = 8;

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

rocksdb::Options MakeOptions(const StateResources& resources,
                             std::shared_ptr<DurableWatermark> watermark) {
  const StateLimits& limits = resources.limits();
  rocksdb::Options options;
  options.table_factory = resources.tables();
  options.write_buffer_manager = resources.memtables();
  options.write_buffer_size = limits.task_memtable_bytes_max;
  options.arena_block_size = kArenaBlockBytes;
  options.writable_file_max_buffer_size = kWriteBufferBytes;
  options.table_cache_numshardbits = kOpenFilesShardBits;
  options.max_open_files = limits.task_files_max;
  options.max_background_jobs = 2 * limits.background_threads;
  options.compression = rocksdb::kLZ4Compression;
  options.level0_file_num_compaction_trigger = kFilesBeforeMerge;
  options.level_compaction_dynamic_level_bytes = true;
  options.compaction_filter_factory = NewExpiryFilter(std::move(watermark));
  options.table_properties_collector_factories.push_back(NewExpiryCollector());
  options.db_host_id.clear();  // files are named by what they hold, wherever they were written
  // Only what concerns this store, little of it, and no timers.
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_log_file_size = kLogFileBytesMax;
  options.keep_log_file_num = 2;
  options.max_manifest_file_size = kManifestBytesMax;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

}  // namespace

TaskStore::TaskStore(std::string directory, StateResources* resources)
    : directory_(std::move(directory)),
      resources_(resources),
      durable_watermark_(std::make_shared<DurableWatermark>(kNoWatermark)) {}

TaskStore::~TaskStore() {
  if (recent_ == nullptr) return;
  resources_->Remove(recent_.get());
  // What fails to be written here is replayed.
  recent_->Flush(/*wait=*/true).IgnoreError();
  recent_ = nullptr;
  stored_keys_ = nullptr;
  db_->Close().PermitUncheckedError();
}

absl::StatusOr<std::unique_ptr<TaskStore>> TaskStore::Create(const std::string& directory,
                                                             StateResources* resources,
                                                             int64_t start_offset,
                                                             std::string_view timeline) {
  // Made aside and renamed, so that there is never a store without a point.
  const std::string aside = directory + std::string(kUnfinishedSuffix);
  for (const std::string& path : {aside, directory}) {
    if (absl::Status status = RemoveAll(path); !status.ok()) return status;
  }
  if (absl::Status status = MakeDirectory(aside); !status.ok()) return status;
  {
    TaskStore store(aside, resources);
    if (absl::Status status = store.OpenRocksDb(/*create=*/true); !status.ok()) return status;
    store.point_.start_offset = store.point_.applied_offset = start_offset;
    store.GoOnIn(timeline);
    if (absl::Status status = store.Commit(start_offset, ""); !status.ok()) return status;
    if (absl::Status status = store.Flush(); !status.ok()) return status;
  }
  if (absl::Status status = Rename(aside, directory); !status.ok()) return status;
  return Open(directory, resources);
}

absl::StatusOr<std::unique_ptr<TaskStore>> TaskStore::Open(const std::string& directory,
                                                           StateResources* resources) {
  if (!Exists(directory)) return absl::NotFoundError("there is no state in " + directory);
  std::unique_ptr<TaskStore> store(new TaskStore(directory, resources));
  if (absl::Status status = store->OpenRocksDb(/*create=*/false); !status.ok()) return status;
  std::string bytes;
  const rocksdb::Status got = store->db_->Get({}, ToSlice(kPointKey), &bytes);
  if (!got.ok()) return FromRocksDb(got, "reading the applied offset of", directory);
  absl::StatusOr<StatePoint> point = DecodePoint(bytes);
  if (!point.ok()) return point.status();
  store->pending_.watermark_ms = point->watermark_ms;
  store->durable_watermark_->store(point->watermark_ms);
  store->timeline_ = point->timeline;
  store->point_ = *std::move(point);
  return store;
}

absl::Status TaskStore::OpenRocksDb(bool create) {
  rocksdb::Options options = MakeOptions(*resources_, durable_watermark_);
  options.create_if_missing = create;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, directory_, &db);
  if (status.IsInvalidArgument()) {
    // Its files don't add up to a store: CURRENT is gone, or names nothing.
    return absl::DataLossError(absl::StrFormat("opening %s: %s", directory_, status.ToString()));
  }
  if (!status.ok()) return FromRocksDb(status, "opening", directory_);
  db_.reset(db);
  stored_keys_ = std::make_unique<StoredKeys>(db, resources_, durable_watermark_);
  stored_keys_->Renew();
  recent_ = std::make_unique<RecentChanges>(
      db, directory_, resources_->limits().task_memtable_bytes_max, resources_->memtables(),
      durable_watermark_, stored_keys_.get());
  resources_->Add(recent_.get());
  return absl::OkStatus();
}

absl::StatusOr<bool> TaskStore::Answer(std::string_view stored, std::string* value) const {
  const std::optional<EntryValue> entry = DecodeValue(stored);
  if (!entry) {
    return absl::DataLossError(
        absl::StrFormat("%s: an entry of %d bytes is cut short", directory_, stored.size()));
  }
  if (!entry->IsSeenAt(pending_.watermark_ms)) return false;
  value->assign(entry->value);
  return true;
}

absl::StatusOr<bool> TaskStore::Get(StepId step, std::string_view key, std::string* value) {
  EncodeKey(step, key, &key_);
  const uint64_t hash = ChangeTable::Hash(key_);
  for (const Batch* batch : {&pending_, &sealed_}) {
    if (const ChangeTable::Change* change = batch->changes.Find(hash, key_)) {
      return change->is_deletion() ? false : Answer(change->value(), value);
    }
    if (!batch->removed.empty() && batch->removed.contains(step)) return false;
    if (!is_sealed_) break;
  }
  switch (recent_->Get(hash, step, key_, pending_.watermark_ms, value)) {
    case RecentChanges::Found::kSeen:
      return true;
    case RecentChanges::Found::kNotSeen:
      return false;
    case RecentChanges::Found::kNotHere:
      break;
  }
  if (!stored_keys_->MayHave(hash)) return false;
  rocksdb::PinnableSlice stored(&stored_);
  const rocksdb::Status status =
      db_->Get({}, db_->DefaultColumnFamily(), rocksdb::Slice(key_), &stored);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return FromRocksDb(status, "reading", directory_);
  return Answer(View(stored), value);
}

void TaskStore::Put(StepId step, std::string_view key, std::string_view value,
                    int64_t expires_at_ms) {
  EncodeKey(step, key, &key_);
  EncodeValue(value, expires_at_ms, pending_.Change(step, key_, kExpiryBytes + value.size()));
}

void TaskStore::Delete(StepId step, std::string_view key) {
  EncodeKey(step, key, &key_);
  pending_.Change(step, key_, 0);
}

absl::Status TaskStore::Scan(StepId step, std::string_view from, std::string_view to,
                             absl::FunctionRef<bool(std::string_view, std::string_view)> visit) {
  std::string begin;
  EncodeKey(step, from, &begin);
  std::string end = StepEnd(step);
  if (!to.empty()) EncodeKey(step, to, &end);
  if (begin >= end) return absl::OkStatus();

  // Newest first: what is pending, what is recent, and RocksDB, unless all below was removed.
  struct Source {
    OrderedChanges::const_iterator next;
    OrderedChanges::const_iterator end;
  };
  std::vector<Source> sources;
  bool is_removed = false;
  for (Batch* batch : {&pending_, &sealed_}) {
    if (is_removed) break;
    batch->Order(step);
    sources.push_back({batch->ordered.lower_bound(begin), batch->ordered.lower_bound(end)});
    is_removed = batch->removed.contains(step);
  }
  const auto tables = recent_->Ordering(step);
  for (const auto& table : tables) {
    if (is_removed) break;
    sources.push_back({table->ordered().lower_bound(begin), table->ordered().lower_bound(end)});
    is_removed = table->removed().contains(step);
  }
  rocksdb::ReadOptions options;
  const rocksdb::Slice bound(end);
  options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> stored(db_->NewIterator(options));
  if (!is_removed) stored->Seek(begin);

  std::string key;
  std::string value;
  while (true) {
    // The smallest key goes next; of equal ones the newest hides the others.
    const ChangeTable::Change* newest = nullptr;
    for (const Source& source : sources) {
      if (source.next == source.end) continue;
      if (newest == nullptr || source.next->first < newest->key()) newest = source.next->second;
    }
    const bool has_stored = stored->Valid();
    if (newest == nullptr && !has_stored) break;
    absl::StatusOr<bool> seen = false;
    if (newest == nullptr || (has_stored && View(stored->key()) < newest->key())) {
      key = View(stored->key());
      seen = Answer(View(stored->value()), &value);
    } else {
      key = newest->key();
      if (!newest->is_deletion()) seen = Answer(newest->value(), &value);
    }
    for (Source& source : sources) {
      if (source.next != source.end && source.next->first == key) ++source.next;
    }
    if (has_stored && View(stored->key()) == key) stored->Next();
    if (!seen.ok()) return seen.status();
    if (*seen && !visit(std::string_view(key).substr(kStepPrefixBytes), value)) break;
  }
  return FromRocksDb(stored->status(), "scanning", directory_);
}

void TaskStore::AdvanceWatermark(int64_t event_time_ms) {
  pending_.watermark_ms = std::max(pending_.watermark_ms, event_time_ms);
}

absl::Status TaskStore::Retain(absl::Span<const StepId> steps) {
  const absl::flat_hash_set<StepId> retained(steps.begin(), steps.end());
  const auto remove = [&](StepId step) {
    if (!retained.contains(step)) pending_.removed.insert(step);
  };
  pending_.changes.EraseIf([&](const ChangeTable::Change& change) {
    return !retained.contains(DecodeKey(change.key())->step);
  });
  pending_.Disorder();
  sealed_.changes.ForEach([&](uint64_t, const ChangeTable::Change& change) {
    remove(DecodeKey(change.key())->step);
  });
  for (const StepId step : recent_->steps()) remove(step);
  // From step to step, whatever lies between.
  const std::unique_ptr<rocksdb::Iterator> stored(db_->NewIterator({}));
  stored->Seek(StepBegin(0));
  while (stored->Valid()) {
    const std::optional<EntryKey> entry = DecodeKey(View(stored->key()));
    if (!entry) return absl::DataLossError(directory_ + ": a key is none of an entry's");
    remove(entry->step);
    stored->Seek(StepEnd(entry->step));
  }
  return FromRocksDb(stored->status(), "scanning", directory_);
}

absl::Status TaskStore::Commit(int64_t applied_offset, std::string_view rule_set) {
  if (applied_offset < point_.applied_offset) {
    return absl::InternalError(absl::StrFormat("%s: a commit of offset %d after one of %d",
                                               directory_, applied_offset, point_.applied_offset));
  }
  Batch& batch = is_sealed_ ? sealed_ : pending_;
  absl::Status status =
      resources_->MakeRoom(recent_->GrowthMax(batch.changes), recent_.get());
  if (!status.ok()) return status;
  StatePoint point{.start_offset = point_.start_offset,
                   .applied_offset = applied_offset,
                   .watermark_ms = batch.watermark_ms,
                   .rule_set = std::string(rule_set),
                   .timeline = timeline_};
  status = recent_->Commit(batch.changes, batch.removed, point);
  if (!status.ok()) return status;
  point_ = std::move(point);
  batch.Clear(batch.watermark_ms);
  is_sealed_ = false;
  return absl::OkStatus();
}

char* TaskStore::Batch::Change(StepId step, std::string_view key, size_t value_bytes) {
  const ChangeTable::Place place = changes.Replace(ChangeTable::Hash(key), key, value_bytes);
  if (place.is_new && !ordered_steps.empty() && ordered_steps.contains(step)) {
    ordered.insert_or_assign(place.change->key(), place.change);
  }
  return place.value;
}

void TaskStore::Batch::Order(StepId step) {
  if (ordered_steps.insert(step).second) OrderStep(step, changes, &ordered);
}

void TaskStore::Batch::Disorder() {
  ordered_steps.clear();
  ordered.clear();
}

void TaskStore::Batch::Clear(int64_t watermark) {
  changes.Clear();
  removed.clear();
  watermark_ms = watermark;
  Disorder();
}

void TaskStore::Seal() {
  std::swap(pending_, sealed_);
  pending_.watermark_ms = sealed_.watermark_ms;
  is_sealed_ = true;
}

void TaskStore::Rollback() {
  pending_.Clear(point_.watermark_ms);
  sealed_.Clear(point_.watermark_ms);
  is_sealed_ = false;
}

absl::Status TaskStore::Flush() { return recent_->Flush(/*wait=*/true); }

absl::Status TaskStore::Snapshot(const std::string& directory) {
  if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(directory, /*log_size_for_flush=*/0);
  return FromRocksDb(status, "making a snapshot in", directory);
}

absl::StatusOr<size_t> TaskStore::Collect(absl::FunctionRef<bool()> may_go_on) {
  rocksdb::TablePropertiesCollection properties;
  rocksdb::Status status = db_->GetPropertiesOfAllTables(&properties);
  if (!status.ok()) return FromRocksDb(status, "reading", directory_);
  rocksdb::ColumnFamilyMetaData files;
  db_->GetColumnFamilyMetaData(&files);

  const int64_t watermark_ms = durable_watermark_->load();
  size_t rewritten = 0;
  for (const rocksdb::LevelMetaData& level : files.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      const auto found = properties.find(file.db_path + file.name);
      if (found == properties.end() || file.being_compacted) continue;
      if (!may_go_on()) return rewritten;
      if (found->second->num_range_deletions > 0) {
        // Whatever lies below it, down to the last level, where the deletion itself ends.
        rocksdb::CompactRangeOptions options;
        options.exclusive_manual_compaction = false;
        options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
        const rocksdb::Slice begin(file.smallestkey);
        const rocksdb::Slice end(file.largestkey);
        status = db_->CompactRange(options, &begin, &end);
      } else if (level.level > 0 && HalfExpiredAtMs(*found->second) <= watermark_ms) {
        rocksdb::CompactionOptions options;
        options.compression = rocksdb::kDisableCompressionOption;  // the store's own
        status = db_->CompactFiles(options, {file.name}, level.level);
      } else {
        continue;
      }
      // RocksDB may have rewritten the file meanwhile, for reasons of its own.
      if (status.ok()) ++rewritten;
      const bool meanwhile = status.IsAborted() || status.IsInvalidArgument();
      if (!status.ok() && !meanwhile) return FromRocksDb(status, "compacting", directory_);
    }
  }
  return rewritten;
}

StoreStats TaskStore::stats() const {
  StoreStats stats{.durable_watermark_ms = durable_watermark_->load()};
  using Properties = rocksdb::DB::Properties;
  db_->GetIntProperty(Properties::kTotalSstFilesSize, &stats.disk_bytes);
  db_->GetIntProperty(Properties::kEstimateNumKeys, &stats.entries_estimate);
  stats.memtable_bytes = recent_->bytes();
  stats.entries_estimate += recent_->entries();
  return stats;
}

}  // namespace turnout::state

#include "state/recent_changes.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <utility>

#include "state/files.h"
#include "state/rocksdb_status.h"
#include "state/state_format.h"
#include "state/stored_keys.h"

namespace turnout::state {
namespace {

constexpr std::string_view kFileName = "/changes.unfinished";

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

RecentChanges::Table::~Table() {
  if (charged_bytes_ == 0) return;
  StopCharging();
  memtables_->FreeMem(charged_bytes_);
}

size_t RecentChanges::Table::bytes() const {
  return changes_.allocated_bytes() + BytesOf(ordered_);
}

void RecentChanges::Table::Charge() {
  const size_t now = bytes();
  if (now <= charged_bytes_) return;
  memtables_->ReserveMem(now - charged_bytes_);
  if (is_closed_) memtables_->ScheduleFreeMem(now - charged_bytes_);
  charged_bytes_ = now;
}

void RecentChanges::Table::StopCharging() {
  if (is_closed_) return;
  is_closed_ = true;
  memtables_->ScheduleFreeMem(charged_bytes_);
}

RecentChanges::RecentChanges(rocksdb::DB* db, std::string directory, size_t table_bytes_max,
                             std::shared_ptr<rocksdb::WriteBufferManager> memtables,
                             std::shared_ptr<DurableWatermark> durable_watermark,
                             StoredKeys* stored_keys)
    : db_(db),
      directory_(std::move(directory)),
      table_bytes_max_(table_bytes_max),
      memtables_(std::move(memtables)),
      durable_watermark_(std::move(durable_watermark)),
      stored_keys_(stored_keys),
      open_(std::make_shared<Table>(memtables_.get())) {}

RecentChanges::~RecentChanges() {
  const absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &RecentChanges::IsIdle));
}

RecentChanges::Found RecentChanges::Get(uint64_t hash, StepId step, std::string_view key,
                                        int64_t watermark_ms, std::string* value) const {
  const absl::MutexLock lock(&mutex_);
  const Table* table = open_.get();
  for (auto older = closed_.rbegin();; ++older) {
    if (const ChangeTable::Change* change = table->changes_.Find(hash, key)) {
      if (change->is_deletion()) return Found::kNotSeen;
      // Made by Put: never cut short.
      const std::optional<EntryValue> entry = DecodeValue(change->value());
      if (!entry->IsSeenAt(watermark_ms)) return Found::kNotSeen;
      value->assign(entry->value);
      return Found::kSeen;
    }
    if (!table->removed_.empty() && table->removed_.contains(step)) return Found::kNotSeen;
    if (older == closed_.rend()) return Found::kNotHere;
    table = older->get();
  }
}

RecentChanges::Steps RecentChanges::steps() const {
  const absl::MutexLock lock(&mutex_);
  Steps steps;
  const auto add = [&](uint64_t, const ChangeTable::Change& change) {
    steps.insert(DecodeKey(change.key())->step);
  };
  open_->changes_.ForEach(add);
  for (const auto& table : closed_) table->changes_.ForEach(add);
  return steps;
}

std::vector<std::shared_ptr<const RecentChanges::Table>> RecentChanges::Ordering(StepId step) {
  const absl::MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<Table>> tables = {open_};
  tables.insert(tables.end(), closed_.rbegin(), closed_.rend());
  if (ordered_steps_.insert(step).second) {
    for (const std::shared_ptr<Table>& table : tables) {
      OrderStep(step, table->changes_, &table->ordered_);
      table->Charge();
    }
  }
  return {tables.begin(), tables.end()};
}

absl::Status RecentChanges::Commit(const ChangeTable& changes, const Steps& removed,
                                   const StatePoint& point) {
  const absl::MutexLock lock(&mutex_);
  if (absl::Status status = TryAgain(); !status.ok()) return status;
  if (open_->bytes() >= table_bytes_max_) {
    mutex_.Await(absl::Condition(this, &RecentChanges::HasRoom));
    if (!error_.ok()) return error_;
    Close();
  }
  // A deletion of a whole step goes before all changes of its table.
  if (!removed.empty()) {
    Close();
    open_->removed_ = removed;
  }
  Table& table = *open_;
  table.changes_.Reserve(changes.size());
  changes.ForEach([&](uint64_t hash, const ChangeTable::Change& change) {
    const std::string_view value = change.value();
    const ChangeTable::Place place = table.changes_.Replace(hash, change.key(), value.size());
    std::copy(value.begin(), value.end(), place.value);
    if (!place.is_new || ordered_steps_.empty()) return;
    if (!ordered_steps_.contains(DecodeKey(change.key())->step)) return;
    table.ordered_.insert_or_assign(place.change->key(), place.change);
  });
  table.point_ = point;
  table.has_commits_ = true;
  table.Charge();
  return absl::OkStatus();
}

size_t RecentChanges::GrowthMax(const ChangeTable& changes) const {
  const absl::MutexLock lock(&mutex_);
  const size_t ordered = ordered_steps_.empty() ? 0 : OrderedBytes(changes.size());
  return open_->changes_.GrowthMax(changes.size(), changes.used_bytes()) + ordered;
}

absl::Status RecentChanges::Flush(bool wait) {
  const absl::MutexLock lock(&mutex_);
  Close();
  if (!wait) return absl::OkStatus();
  if (absl::Status status = TryAgain(); !status.ok()) return status;
  mutex_.Await(absl::Condition(this, &RecentChanges::IsIdle));
  return error_;
}

size_t RecentChanges::bytes() const {
  const absl::MutexLock lock(&mutex_);
  size_t bytes = open_->bytes();
  for (const auto& table : closed_) bytes += table->charged_bytes_;
  return bytes;
}

size_t RecentChanges::open_bytes() const {
  const absl::MutexLock lock(&mutex_);
  return open_->has_commits_ ? open_->charged_bytes_ : 0;
}

size_t RecentChanges::entries() const {
  const absl::MutexLock lock(&mutex_);
  size_t entries = open_->changes_.size();
  for (const auto& table : closed_) entries += table->changes_.size();
  return entries;
}

bool RecentChanges::IsIdle() const { return !is_writing_; }

bool RecentChanges::HasRoom() const { return closed_.empty() || !error_.ok(); }

void RecentChanges::Close() {
  if (!open_->has_commits_) return;
  open_->StopCharging();
  closed_.push_back(std::move(open_));
  open_ = std::make_shared<Table>(memtables_.get());
  if (error_.ok()) StartWriting();
}

void RecentChanges::StartWriting() {
  if (is_writing_ || closed_.empty()) return;
  is_writing_ = true;
  rocksdb::Env::Default()->Schedule(
      [](void* self) { static_cast<RecentChanges*>(self)->WriteFiles(); }, this,
      rocksdb::Env::HIGH);
}

absl::Status RecentChanges::TryAgain() {
  if (error_.ok()) return absl::OkStatus();
  error_ = absl::OkStatus();
  StartWriting();
  mutex_.Await(absl::Condition(this, &RecentChanges::IsIdle));
  return error_;
}

void RecentChanges::WriteFiles() {
  mutex_.Lock();
  while (error_.ok() && !closed_.empty()) {
    std::shared_ptr<Table> table = closed_.front();
    mutex_.Unlock();
    const absl::Status status = WriteFile(*table);
    mutex_.Lock();
    if (status.ok()) {
      closed_.pop_front();
    } else {
      error_ = status;
    }
    mutex_.Unlock();
    table = nullptr;  // it is large: freed without the lock, but before anybody's wait ends
    mutex_.Lock();
  }
  is_writing_ = false;
  mutex_.Unlock();
}

absl::Status RecentChanges::WriteFile(const Table& table) {
  const std::string path = directory_ + std::string(kFileName);
  // What a crash left there may be a link to one of RocksDB's own files: not to be written into.
  if (absl::Status status = RemoveAll(path); !status.ok()) return status;
  rocksdb::Status status = AwaitRoom();
  if (status.ok()) status = WriteSorted(table, path);
  if (status.ok()) {
    stored_keys_->Add(table.changes_);
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.write_global_seqno = false;
    status = db_->IngestExternalFile({path}, options);
  }
  has_failed_ = !status.ok();
  if (!status.ok()) {
    RemoveAll(path).IgnoreError();  // the next try does, or says why not
    return FromRocksDb(status, "writing memory to", directory_);
  }
  durable_watermark_->store(table.point_.watermark_ms);
  stored_keys_->Renew();
  return absl::OkStatus();
}

rocksdb::Status RecentChanges::AwaitRoom() {
  if (has_failed_) {
    // RocksDB refuses all files after some errors until it is told that the disk may be well.
    if (rocksdb::Status resumed = db_->Resume(); !resumed.ok()) return resumed;
  }
  // A write of nothing waits while compactions are too far behind, which a file taken in does not.
  rocksdb::WriteBatch nothing;
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return db_->Write(options, &nothing);
}

rocksdb::Status RecentChanges::WriteSorted(const Table& table, const std::string& path) {
  const rocksdb::Options options = db_->GetOptions();
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(options), options, db_->DefaultColumnFamily(),
                                /*invalidate_page_cache=*/false);
  rocksdb::Status status = writer.Open(path);
  // Of one file, deletions of ranges come before all else, in whatever order they are added.
  for (const StepId step : table.removed_) {
    if (status.ok()) status = writer.DeleteRange(StepBegin(step), StepEnd(step));
  }
  if (status.ok()) status = writer.Put(ToSlice(kPointKey), EncodePoint(table.point_));
  const std::vector<const ChangeTable::Change*> sorted = table.changes_.Sorted();
  for (size_t at = 0; at < sorted.size() && status.ok(); ++at) {
    const ChangeTable::Change* const change = sorted[at];
    if (at + ChangeTable::kAhead < sorted.size()) {
      __builtin_prefetch(sorted[at + ChangeTable::kAhead]);
    }
    status = change->is_deletion() ? writer.Delete(ToSlice(change->key()))
                                   : writer.Put(ToSlice(change->key()), ToSlice(change->value()));
  }
  return status.ok() ? writer.Finish() : status;
}

}  // namespace turnout::state

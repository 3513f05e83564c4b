#include "state/stored_keys.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "state/state_format.h"

namespace turnout::state {
namespace {

// So many times the keys that there are find room, until the next scan.
constexpr uint64_t kRoomForKeys = 2;
// A scan reads ahead as much: files lie in order.
constexpr size_t kReadaheadBytes = 1 << 20;

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace

// With its share of the stores' memory.
class StoredKeys::Filter {
 public:
  // Null: there is no room for it.
  static std::shared_ptr<Filter> Make(size_t keys, StateResources* resources) {
    if (!resources->TakeForFilter(KeyFilter::BytesFor(keys))) return nullptr;
    return std::make_shared<Filter>(keys, resources);
  }
  Filter(size_t keys, StateResources* resources) : resources_(resources), keys_(keys) {}
  ~Filter() { resources_->GiveBackFilter(keys_.bytes()); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  KeyFilter& keys() { return keys_; }

 private:
  StateResources* const resources_;
  KeyFilter keys_;
};

StoredKeys::StoredKeys(rocksdb::DB* db, StateResources* resources,
                       std::shared_ptr<const DurableWatermark> durable_watermark)
    : db_(db), resources_(resources), durable_watermark_(std::move(durable_watermark)) {}

StoredKeys::~StoredKeys() {
  is_ending_ = true;
  const absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &StoredKeys::IsIdle));
}

bool StoredKeys::MayHave(uint64_t hash) const {
  const absl::MutexLock lock(&mutex_);
  return filter_ == nullptr || filter_->keys().MayHave(hash);
}

void StoredKeys::Add(const ChangeTable& changes) {
  std::shared_ptr<Filter> filter;
  std::shared_ptr<Filter> next;
  {
    const absl::MutexLock lock(&mutex_);
    filter = filter_;
    next = next_;
  }
  // In the order of hashes, which is that of the filter's lines.
  for (const std::shared_ptr<Filter>& each : {filter, next}) {
    if (each == nullptr) continue;
    changes.ForEach([&](uint64_t hash, const ChangeTable::Change& change) {
      if (!change.is_deletion()) each->keys().Add(hash);
    });
  }
}

void StoredKeys::Renew() {
  uint64_t keys = 0;
  {
    const absl::MutexLock lock(&mutex_);
    const bool is_good = filter_ != nullptr && !filter_->keys().is_full();
    if (is_good || next_ != nullptr) return;
    keys = scanned_keys_;
  }
  // An estimate, which deletions may make too low; the last scan knows better then.
  uint64_t estimate = 0;
  db_->GetIntProperty(rocksdb::DB::Properties::kEstimateNumKeys, &estimate);
  keys = std::max(keys, estimate);
  std::shared_ptr<Filter> made = Filter::Make(keys * kRoomForKeys, resources_);
  if (made == nullptr) {
    // Perhaps in the place of the full one.
    {
      const absl::MutexLock lock(&mutex_);
      filter_ = nullptr;
    }
    made = Filter::Make(keys * kRoomForKeys, resources_);
  }
  if (made != nullptr) StartScan(std::move(made));
}

// On the thread that writes files: each file is either there when the scan begins, or added.
void StoredKeys::StartScan(std::shared_ptr<Filter> filter) {
  scan_watermark_ms_ = durable_watermark_->load();
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.readahead_size = kReadaheadBytes;
  stored_.reset(db_->NewIterator(options));
  {
    const absl::MutexLock lock(&mutex_);
    next_ = std::move(filter);
  }
  // In the place of a compaction.
  rocksdb::Env::Default()->Schedule([](void* self) { static_cast<StoredKeys*>(self)->Scan(); },
                                    this, rocksdb::Env::LOW);
}

void StoredKeys::Scan() {
  std::shared_ptr<Filter> next;
  {
    const absl::MutexLock lock(&mutex_);
    next = next_;
  }
  uint64_t keys = 0;
  for (stored_->SeekToFirst(); stored_->Valid() && !is_ending_; stored_->Next()) {
    const std::string_view key = View(stored_->key());
    const std::optional<EntryValue> entry = DecodeValue(View(stored_->value()));
    // What is damaged is for whoever asks for it.
    if (entry && !entry->IsSeenAt(scan_watermark_ms_)) continue;
    next->keys().Add(ChangeTable::Hash(key));
    ++keys;
  }
  const bool is_whole = stored_->status().ok() && !is_ending_;
  stored_ = nullptr;
  std::shared_ptr<Filter> old;
  {
    const absl::MutexLock lock(&mutex_);
    if (is_whole) {
      old = std::exchange(filter_, next);
      scanned_keys_ = keys;
    }
  }
  // Large, so freed without the lock; and before anybody's wait ends.
  old = nullptr;
  next = nullptr;
  const absl::MutexLock lock(&mutex_);
  next_ = nullptr;
}

}  // namespace turnout::state

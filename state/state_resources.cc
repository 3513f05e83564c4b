#include "state/state_resources.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "state/recent_changes.h"

namespace turnout::state {
namespace {

// Few shards: each has an equal part of the memory, and a part must hold a memtable's charge.
constexpr int kCacheShardBits = 2;
// The largest memtable is flushed in the background from this part of the limit on.
constexpr double kSoftPart = 0.7;
constexpr size_t kBlockBytes = 8 * 1024;
constexpr double kFilterBitsAKey = 10;
// Of the memory, what filters over stores' keys may take.
constexpr size_t kFiltersPart = 4;

StateLimits InOrder(StateLimits limits) {
  limits.memtable_bytes_max = std::min(limits.memtable_bytes_max, limits.memory_bytes_max / 2);
  limits.task_memtable_bytes_max =
      std::min(limits.task_memtable_bytes_max, limits.memtable_bytes_max / 2);
  return limits;
}

std::shared_ptr<rocksdb::TableFactory> NewTables(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions options;
  options.block_cache = std::move(cache);
  options.block_size = kBlockBytes;
  options.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsAKey));
  options.cache_index_and_filter_blocks = true;
  // Every Get asks the newest files: not by way of the cache's lock. There are few of them.
  options.pin_l0_filter_and_index_blocks_in_cache = true;
  options.optimize_filters_for_memory = true;
  options.format_version = 5;
  options.cache_usage_options.options_overrides[rocksdb::CacheEntryRole::kBlockBasedTableReader] = {
      rocksdb::CacheEntryRoleOptions::Decision::kEnabled};
  return std::shared_ptr<rocksdb::TableFactory>(rocksdb::NewBlockBasedTableFactory(options));
}

}  // namespace

StateResources::StateResources(const StateLimits& limits)
    : limits_(InOrder(limits)),
      cache_(rocksdb::NewLRUCache(limits_.memory_bytes_max, kCacheShardBits)),
      tables_(NewTables(cache_)),
      memtables_(
          std::make_shared<rocksdb::WriteBufferManager>(limits_.memtable_bytes_max, cache_)) {
  rocksdb::Env* const env = rocksdb::Env::Default();
  env->SetBackgroundThreads(limits_.background_threads, rocksdb::Env::LOW);
  env->SetBackgroundThreads(limits_.background_threads, rocksdb::Env::HIGH);
}

StateResources::~StateResources() = default;

size_t StateResources::memory_bytes() const {
  const absl::MutexLock lock(&filters_mutex_);
  return cache_->GetUsage() + filter_bytes_;
}

size_t StateResources::memtable_bytes() const { return memtables_->memory_usage(); }

bool StateResources::TakeForFilter(size_t bytes) {
  const absl::MutexLock lock(&filters_mutex_);
  if (filter_bytes_ + bytes > limits_.memory_bytes_max / kFiltersPart) return false;
  filter_bytes_ += bytes;
  cache_->SetCapacity(limits_.memory_bytes_max - filter_bytes_);
  return true;
}

void StateResources::GiveBackFilter(size_t bytes) {
  const absl::MutexLock lock(&filters_mutex_);
  filter_bytes_ -= bytes;
  cache_->SetCapacity(limits_.memory_bytes_max - filter_bytes_);
}

void StateResources::Add(RecentChanges* store) {
  const absl::MutexLock lock(&mutex_);
  stores_.push_back(store);
}

void StateResources::Remove(RecentChanges* store) {
  const absl::MutexLock lock(&mutex_);
  std::erase(stores_, store);
}

absl::Status StateResources::MakeRoom(size_t bytes, const RecentChanges* asking) {
  const auto soft =
      static_cast<size_t>(static_cast<double>(limits_.memtable_bytes_max) * kSoftPart);
  if (memtables_->memory_usage() + bytes < soft) return absl::OkStatus();
  const absl::MutexLock lock(&mutex_);
  if (memtables_->mutable_memtable_memory_usage() + bytes >= soft) {
    if (absl::Status status = FlushLargest(/*wait=*/false, asking); !status.ok()) return status;
  }
  // Each turn empties a store; a batch larger than the limit goes through once all are empty.
  for (size_t turn = 0; turn < stores_.size(); ++turn) {
    if (memtables_->memory_usage() + bytes < limits_.memtable_bytes_max) break;
    if (absl::Status status = FlushLargest(/*wait=*/true, asking); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// One that fails is passed over, unless it is the one that asks.
absl::Status StateResources::FlushLargest(bool wait, const RecentChanges* asking) {
  std::vector<std::pair<size_t, RecentChanges*>> by_size;  // as it is now: it changes meanwhile
  for (RecentChanges* const store : stores_) {
    const size_t bytes = wait ? store->bytes() : store->open_bytes();
    if (bytes > 0) by_size.emplace_back(bytes, store);
  }
  std::sort(by_size.begin(), by_size.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  absl::Status others;
  for (const auto& [bytes, store] : by_size) {
    absl::Status flushed = store->Flush(wait);
    if (flushed.ok() || store == asking || absl::IsResourceExhausted(flushed)) return flushed;
    if (others.ok()) others = absl::UnavailableError(flushed.message());
  }
  return others;
}

}  // namespace turnout::state

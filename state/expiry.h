// Expiry: how entries that nobody can see any more leave the disk.
//
// Get hides an entry once the watermark has passed it; here RocksDB is told to drop it when it
// rewrites a file anyway, and which files are worth rewriting: those at least half of which has
// expired. A rewrite of N bytes thus frees at least N/2, so each byte is rewritten at most twice
// more on its way out, whatever the number of keys: O(1) an event.
//
// An entry may only be dropped by the *durable* watermark, the one in the files. A crash forgets
// what was not flushed, and with it the later watermark: what that one alone had expired is seen
// again, so it must still be there.
// Threads: RocksDB's background threads call what is made here.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "state/task_state.h"

namespace rocksdb {
class CompactionFilterFactory;
struct TableProperties;
class TablePropertiesCollectorFactory;
}  // namespace rocksdb

namespace turnout::state {

// The watermark that is in a task's files.
using DurableWatermark = std::atomic<int64_t>;

// Drops what is not seen at the durable watermark.
std::shared_ptr<rocksdb::CompactionFilterFactory> NewExpiryFilter(
    std::shared_ptr<const DurableWatermark> watermark);

// Writes into each file's properties when half of its bytes will have expired.
std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> NewExpiryCollector();

// What it wrote; kNeverExpires for a file that holds no entries, or too many that stay.
int64_t HalfExpiredAtMs(const rocksdb::TableProperties& properties);

}  // namespace turnout::state

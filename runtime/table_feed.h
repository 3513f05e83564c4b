// TableFeed: the tables that rules enrich events from, and the thread that keeps them.
//
// It opens each table's store, reads its topic on from where that stands, and takes what comes as
// long as it lives. Nothing of the pipeline runs before all tables are loaded: WaitingFor says what
// is not. A table whose topic is missing or forbidden is tried again and again; for one that is
// refused nothing waits.
//
// Threads: Start and the destructor on one; all else on any. Lifetime: what is borrowed outlives
// it; it outlives the lookups that it gives.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/table_source.h"
#include "router/table_lookup.h"
#include "runtime/clock.h"
#include "runtime/kept_table.h"
#include "state/state_resources.h"

namespace turnout::runtime {

struct TableSettings {
  std::string name;
  std::string topic;
};

struct TableFeedOptions {
  std::vector<TableSettings> tables;
  std::string directory;            // each table's store is in it, by its name
  uint64_t bytes_max = UINT64_MAX;  // of each table's files
  // The source of a topic, from these offsets on.
  std::function<absl::StatusOr<std::unique_ptr<connectors::TableSource>>(
      const std::string& topic, const state::TableOffsets& offsets)>
      make_source;
};

class TableFeed {
 public:
  // `resources` and `clock` are borrowed.
  static absl::StatusOr<std::unique_ptr<TableFeed>> Start(const TableFeedOptions& options,
                                                          state::StateResources* resources,
                                                          Clock* clock);
  ~TableFeed();

  // Why tables are not loaded, a sentence each; empty: all of them are.
  std::vector<std::string> WaitingFor() const;
  std::vector<TableStatus> Status() const;

  // For a router whose rule set names these tables, in this order.
  std::unique_ptr<router::TableLookup> LookupFor(absl::Span<const std::string> tables) const;

 private:
  TableFeed() = default;
  void Run();

  std::vector<std::string> names_;
  std::vector<std::unique_ptr<KeptTable>> tables_;  // by position in names_
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace turnout::runtime

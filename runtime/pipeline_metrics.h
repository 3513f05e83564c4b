// PipelineMetrics: how workers, destinations, states, tables and the process are, as metrics.
//
// Threads: pure, but for what is asked of the process.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/time/time.h"
#include "runtime/kept_table.h"
#include "runtime/metric_family.h"
#include "runtime/schema_registry_status.h"
#include "runtime/state_stats.h"
#include "runtime/worker_observer.h"

namespace turnout::runtime {

// All that was last told.
struct PipelineFigures {
  absl::Time now;
  absl::Time time_of_day;    // as events' times
  int destinations_max = 0;  // that have series of their own
  std::map<int, WorkerStatus> workers;
  std::map<int, absl::Time> open_since;  // their oldest open transactions
  StateServiceStats states;
  uint64_t restored = 0;  // partitions, by wishes, since the start
  uint64_t state_memory_bytes = 0;
  std::vector<TableStatus> tables;
  SchemaRegistryStatus schemas;
};

void CollectPipeline(const PipelineFigures& figures, MetricFamilies* to);

}  // namespace turnout::runtime

// TrafficMetrics: what has passed since the start, by rule and destination, as metrics.
//
// Threads: pure.
#pragma once

#include "runtime/metric_family.h"
#include "runtime/traffic.h"

namespace turnout::runtime {

void CollectTraffic(const TrafficTotals& totals, MetricFamilies* to);

}  // namespace turnout::runtime

// MetricFamily: a metric as it is at the moment somebody asks: a name, and series with values.
// metrics.cc writes it in Prometheus' format.
//
// Threads: an ordinary value.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace turnout::runtime {

enum class MetricKind { kCounter, kGauge, kHistogram };

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

struct MetricBucket {
  double upper_bound = 0;  // the last one's: infinity
  uint64_t count = 0;      // of all that are no larger
};

struct MetricSeries {
  MetricLabels labels;
  double value = 0;  // of a histogram, the sum of what was measured
  std::vector<MetricBucket> buckets;
};

struct MetricFamily {
  const char* name;
  const char* help;
  MetricKind kind;
  std::vector<MetricSeries> series;

  void Add(double value, MetricLabels labels = {}) { series.push_back({std::move(labels), value}); }
  // `counts` has one more than there are bounds: of what is larger than all of them.
  void AddHistogram(absl::Span<const uint64_t> counts, absl::Span<const double> bounds, double sum,
                    MetricLabels labels = {});
};

using MetricFamilies = std::vector<MetricFamily>;

// A family of one series without labels.
void AddMetric(const char* name, const char* help, MetricKind kind, double value,
               MetricFamilies* to);
// A family without series is none.
void AddUnlessEmpty(MetricFamily family, MetricFamilies* to);

}  // namespace turnout::runtime

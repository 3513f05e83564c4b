#include "runtime/metric_family.h"

#include <limits>

namespace turnout::runtime {

void MetricFamily::AddHistogram(absl::Span<const uint64_t> counts, absl::Span<const double> bounds,
                                double sum, MetricLabels labels) {
  MetricSeries& added = series.emplace_back(MetricSeries{std::move(labels), sum});
  uint64_t counted = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    counted += counts[i];
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    added.buckets.push_back({bound, counted});
  }
}

void AddMetric(const char* name, const char* help, MetricKind kind, double value,
               MetricFamilies* to) {
  MetricFamily family = {name, help, kind};
  family.Add(value);
  to->push_back(std::move(family));
}

void AddUnlessEmpty(MetricFamily family, MetricFamilies* to) {
  if (!family.series.empty()) to->push_back(std::move(family));
}

}  // namespace turnout::runtime

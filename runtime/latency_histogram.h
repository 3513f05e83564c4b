// LatencyHistogram: how long records took from their timestamps to their commit, in buckets.
//
// A LatencyMeter puts a transaction's records in, once it has committed. What comes together has
// the same timestamp mostly, so a bucket is seldom looked for.
//
// Units: milliseconds. Threads: none of its own.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace turnout::runtime {

// Upper bounds of its buckets in milliseconds; the last bucket is open.
inline constexpr std::array<double, 16> kLatencyBoundsMs = {
    1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000};

struct LatencyHistogram {
  std::array<uint64_t, kLatencyBoundsMs.size() + 1> counts{};
  double sum_ms = 0;

  void Add(const LatencyHistogram& other) {
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum_ms += other.sum_ms;
  }
};

class LatencyMeter {
 public:
  explicit LatencyMeter(absl::Time committed) : committed_us_(absl::ToUnixMicros(committed)) {}

  void Add(int64_t timestamp_ms, LatencyHistogram* to) {
    if (timestamp_ms != timestamp_ms_) Look(timestamp_ms);
    ++to->counts[bucket_];
    to->sum_ms += latency_ms_;
  }

 private:
  void Look(int64_t timestamp_ms) {
    timestamp_ms_ = timestamp_ms;
    latency_ms_ = std::max(0.0, static_cast<double>(committed_us_ - timestamp_ms * 1000) / 1e3);
    bucket_ = std::lower_bound(kLatencyBoundsMs.begin(), kLatencyBoundsMs.end(), latency_ms_) -
              kLatencyBoundsMs.begin();
  }

  const int64_t committed_us_;
  int64_t timestamp_ms_ = std::numeric_limits<int64_t>::min();  // the last one looked at
  double latency_ms_ = 0;
  size_t bucket_ = 0;
};

}  // namespace turnout::runtime

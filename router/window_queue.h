// WindowQueue: when each aggregate of a task closes windows next, the earliest first: so that an
// event before that costs one comparison, however many aggregates there are.
//
// Units: milliseconds of event time; an aggregate is its position in RoutePlan::aggregates.
// Threads: the worker's.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"

namespace turnout::router {

class WindowQueue {
 public:
  static constexpr int64_t kAtOnce = std::numeric_limits<int64_t>::min();
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // Where it has not begun, or was told to forget, everything is due.
  bool has_begun() const { return has_begun_; }
  void Begin() { has_begun_ = true; }
  void Forget();

  // Of all aggregates.
  int64_t earliest_end_ms() const {
    if (!has_begun_) return kAtOnce;
    return heap_.empty() ? kNever : heap_.front().end_ms;
  }

  // The next window of the aggregate, which is not in the queue, ends then.
  void Add(int64_t end_ms, uint32_t aggregate);

  // Takes out those with an end up to the watermark, in the order of their numbers. What it answers
  // lives until the next call.
  absl::Span<const uint32_t> TakeDue(int64_t watermark_ms);

 private:
  struct Next {
    int64_t end_ms = 0;
    uint32_t aggregate = 0;

    // The greatest is the first of a heap.
    bool operator<(const Next& other) const { return end_ms > other.end_ms; }
  };

  bool has_begun_ = false;
  std::vector<Next> heap_;
  std::vector<uint32_t> due_;
};

}  // namespace turnout::router

// TeamBudgets: how many bytes of outputs each team may still have produced now: a token bucket a
// team, which holds what a second allows.
//
// The clock fills it, not event time: what it protects are brokers and readers, now. So a redo may
// decide otherwise than the try before it; what it parks instead comes later, in order, once.
//
// Units: bytes of keys, values and headers.
// Threads: one worker's own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "runtime/clock.h"

namespace turnout::runtime {

class TeamBudgets {
 public:
  // 0: without a limit.
  TeamBudgets(int64_t bytes_per_second, Clock* clock)
      : bytes_per_second_(static_cast<double>(bytes_per_second)), clock_(clock) {}

  int64_t bytes_per_second() const { return static_cast<int64_t>(bytes_per_second_); }

  // Whether a record of the team may be produced, of whatever size: a bucket that has anything in
  // it takes one, and is behind by what it lacks.
  bool HasAny(std::string_view team);
  // Whether it is worth while to begin again after it was empty.
  bool HasHalf(std::string_view team);
  void Take(std::string_view team, int64_t bytes);

 private:
  struct Bucket {
    double bytes = 0;
    absl::Time filled;
  };
  Bucket& Filled(std::string_view team);

  const double bytes_per_second_;
  Clock* const clock_;
  absl::flat_hash_map<std::string, Bucket> buckets_;
};

}  // namespace turnout::runtime

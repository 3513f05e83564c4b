// ReplayProgress: how long a replay takes yet, by how far it has come since it was first asked.
//
// Threads: one.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace turnout::runtime {

class ReplayProgress {
 public:
  // From `offset` to `end`; infinite while that can't be told.
  absl::Duration Left(int64_t offset, int64_t end, absl::Time now) {
    if (asked_at_ == absl::InfinitePast()) {
      asked_at_ = now;
      asked_offset_ = offset;
    }
    const int64_t come = offset - asked_offset_;
    if (come <= 0) return absl::InfiniteDuration();
    return (now - asked_at_) * (static_cast<double>(end - offset) / static_cast<double>(come));
  }

 private:
  absl::Time asked_at_ = absl::InfinitePast();  // first
  int64_t asked_offset_ = 0;
};

}  // namespace turnout::runtime

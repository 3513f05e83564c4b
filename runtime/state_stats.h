// StateServiceStats: figures of a process's states, for metrics and the status page.
//
// Units: bytes. Threads: plain values.
#pragma once

#include <array>
#include <cstdint>

#include "absl/time/time.h"
#include "state/checkpoint.h"

namespace turnout::runtime {

// A task that changed is overdue when its newest checkpoint is so many intervals old.
inline constexpr int kOverdueIntervals = 5;

// Upper bounds of how long checkpoints take; the last bucket is open.
inline constexpr std::array<double, 11> kCheckpointBoundsSeconds = {0.05, 0.1, 0.25, 0.5, 1,  2.5,
                                                                    5,    10,  30,   60,  300};

struct StateServiceStats {
  uint64_t tasks = 0;
  uint64_t disk_bytes = 0;
  uint64_t entries_estimate = 0;
  uint64_t checkpoints = 0;       // published since the start
  uint64_t checkpoint_bytes = 0;  // sent for them
  uint64_t checkpoint_failures = 0;
  uint64_t unused_stores_removed = 0;
  absl::Duration oldest_checkpoint;      // age of the newest one of the task where it is oldest
  uint64_t overdue_tasks = 0;            // changed, and without a checkpoint for kOverdueIntervals
  uint64_t newest_checkpoint_bytes = 0;  // of all tasks, as far as they were taken here
  std::array<uint64_t, kCheckpointBoundsSeconds.size() + 1> checkpoint_durations{};
  absl::Duration checkpoint_duration_sum;
  uint64_t restore_bytes_left = 0;  // of checkpoints that are being brought back
  absl::Duration restore_left;      // for how long yet, the longest; zero where it is not known

  void CountDuration(absl::Duration taken);
  void CountRestore(const state::RestoreProgress& progress, absl::Duration under_way);
  StateServiceStats& operator+=(const StateServiceStats& other);
};

}  // namespace turnout::runtime

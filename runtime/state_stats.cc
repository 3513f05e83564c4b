#include "runtime/state_stats.h"

#include <algorithm>
#include <cstddef>

namespace turnout::runtime {

StateServiceStats& StateServiceStats::operator+=(const StateServiceStats& other) {
  tasks += other.tasks;
  disk_bytes += other.disk_bytes;
  entries_estimate += other.entries_estimate;
  checkpoints += other.checkpoints;
  checkpoint_bytes += other.checkpoint_bytes;
  checkpoint_failures += other.checkpoint_failures;
  unused_stores_removed += other.unused_stores_removed;
  oldest_checkpoint = std::max(oldest_checkpoint, other.oldest_checkpoint);
  overdue_tasks += other.overdue_tasks;
  newest_checkpoint_bytes += other.newest_checkpoint_bytes;
  for (size_t i = 0; i < checkpoint_durations.size(); ++i) {
    checkpoint_durations[i] += other.checkpoint_durations[i];
  }
  checkpoint_duration_sum += other.checkpoint_duration_sum;
  restore_bytes_left += other.restore_bytes_left;
  restore_left = std::max(restore_left, other.restore_left);
  return *this;
}

void StateServiceStats::CountDuration(absl::Duration taken) {
  const auto bucket =
      std::lower_bound(kCheckpointBoundsSeconds.begin(), kCheckpointBoundsSeconds.end(),
                       absl::ToDoubleSeconds(taken));
  ++checkpoint_durations[bucket - kCheckpointBoundsSeconds.begin()];
  checkpoint_duration_sum += taken;
}

void StateServiceStats::CountRestore(const state::RestoreProgress& progress,
                                     absl::Duration under_way) {
  const uint64_t left = progress.bytes - std::min(progress.bytes, progress.bytes_done);
  restore_bytes_left += left;
  if (progress.bytes == 0 || progress.bytes_done == 0) return;
  const double share = static_cast<double>(left) / static_cast<double>(progress.bytes_done);
  restore_left = std::max(restore_left, under_way * share);
}

}  // namespace turnout::runtime

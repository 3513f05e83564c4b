// Batches of changes that are a function of their offset: applied up to the same offset, two states
// are the same, however often either was lost on the way.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "state/task_state.h"
#include "tests/support/seeded_random.h"

namespace turnout::state {

inline constexpr StepId kSteps[] = {1, 2, 3, 0xffff'ffff'ffff'ffff};

// The changes of one batch; the caller commits them.
inline absl::Status ApplyBatch(TaskState& state, uint64_t seed, int64_t offset) {
  support::SeededRandom random(seed * 1'000'003 + static_cast<uint64_t>(offset));
  const int64_t now_ms = offset * 1000;
  if (random.OneIn(40)) {
    std::vector<StepId> retained;
    for (const StepId step : kSteps) {
      if (!random.OneIn(4)) retained.push_back(step);
    }
    if (absl::Status status = state.Retain(retained); !status.ok()) return status;
  }
  for (int64_t change = random.Between(1, 12); change > 0; --change) {
    const StepId step = kSteps[random.Below(std::size(kSteps))];
    const std::string key = absl::StrCat("key-", random.Below(200));
    if (random.OneIn(8)) {
      state.Delete(step, key);
      continue;
    }
    // A counter, as steps keep them: what is there is read, so an error there grows.
    std::string value;
    const absl::StatusOr<bool> found = state.Get(step, key, &value);
    if (!found.ok()) return found.status();
    if (!*found) value.clear();
    if (value.size() > 400) value.erase(0, 300);
    absl::StrAppend(&value, offset, ",");
    const int64_t expires_at_ms =
        random.OneIn(5) ? kNeverExpires : now_ms + random.Between(-2000, 60'000);
    state.Put(step, key, value, expires_at_ms);
  }
  state.AdvanceWatermark(now_ms - random.Below(5000));
  return absl::OkStatus();
}

}  // namespace turnout::state

#include "runtime/unwell_destinations.h"

#include <algorithm>

#include "runtime/bulkhead.h"

namespace turnout::runtime {
namespace {

// The higher the worse.
int BadnessOf(const BulkheadStatus& destination) {
  if (destination.state == BulkheadStateName(BulkheadState::kEjected)) return 2;
  return destination.state == BulkheadStateName(BulkheadState::kProbing) ? 1 : 0;
}

}  // namespace

void UnwellDestinations::Add(const std::vector<BulkheadStatus>& of_worker) {
  for (const BulkheadStatus& told : of_worker) {
    const auto [known, is_new] = by_name_.try_emplace(told.destination, told);
    if (is_new) continue;
    BulkheadStatus& merged = known->second;
    const int64_t waiting = merged.waiting + told.waiting;
    const absl::Time since = merged.since == absl::InfinitePast() ? told.since
                             : told.since == absl::InfinitePast()
                                 ? merged.since
                                 : std::min(merged.since, told.since);
    if (BadnessOf(told) > BadnessOf(merged)) merged = told;
    merged.waiting = waiting;
    merged.since = since;
  }
}

bool IsDraining(const BulkheadStatus& destination) { return BadnessOf(destination) == 0; }

}  // namespace turnout::runtime

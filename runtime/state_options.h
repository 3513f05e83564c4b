// StateOptionsOf: what a config says of states and checkpoints, for whoever keeps them; whose they
// are and where is left open.
#pragma once

#include "absl/time/time.h"
#include "runtime/config.h"
#include "runtime/state_service.h"

namespace turnout::runtime {

inline StateServiceOptions StateOptionsOf(const Config& config) {
  StateServiceOptions state;
  state.gap_policy =
      config.state.go_on_after_gap ? state::GapPolicy::kGoOn : state::GapPolicy::kRefuse;
  state.prune.count_max = static_cast<size_t>(config.checkpoints.keep);
  state.prune.age_ms_max = absl::ToInt64Milliseconds(config.checkpoints.keep_for);
  state.checkpoint_interval = config.checkpoints.interval;
  return state;
}

}  // namespace turnout::runtime

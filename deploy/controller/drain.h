// Drain: whether all that the source held when it was asked for has been routed.
//
// The ends of all partitions are kept as they are first seen; a partition is done once its position
// reaches that end. So a source into which events still come is drained too. Where rules are
// re-keyed the second topic's ends are taken when the source is done, since what the source held
// goes through it.
//
// What is kept: the ends, in the router's status.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "deploy/controller/pod_facts.h"

namespace turnout::controller {

struct DrainState {
  bool is_on = false;
  absl::Time started = absl::InfinitePast();
  bool is_done = false;
  std::map<std::string, int64_t> ends;  // "PARTITION"; of other topics "TOPIC/PARTITION"
};

// JSON as in status.drain; what is no state is none, and none is an empty text.
DrainState ReadDrain(std::string_view json);
std::string DrainJson(const DrainState& state);

struct DrainAnswer {
  DrainState state;
  std::string message;  // how far it is, or why that can't be told
};

// `replicas`: pods that there should be. Not done before all of them answer.
DrainAnswer StepDrain(const DrainState& before, const std::vector<PodFacts>& pods, int replicas,
                      absl::Time now);

}  // namespace turnout::controller

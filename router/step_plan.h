// StepPlan: a rule's step as it is followed, its fields numbered as in the RoutePlan.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "router/step.h"

namespace turnout::router {

struct StepPlan {
  static constexpr uint32_t kNone = UINT32_MAX;

  StepKind kind = StepKind::kSample;
  Measure measure = Measure::kCount;
  bool emit_every = false;
  uint32_t key_field = 0;          // position in RoutePlan::fields
  uint32_t measure_field = kNone;  // the same
  uint32_t share = 0;              // sample
  uint32_t limit = 0;              // throttle
  uint32_t aggregate = kNone;      // position in RoutePlan::aggregates
  int64_t span_ms = 0;
  // How long after its event's time an entry expires, at most; 0: none does.
  int64_t life_ms = 0;
  double at_least = 0;  // threshold
  state::StepId id = 0;
};

// A rule's last step, if it is an aggregate.
struct AggregatePlan {
  struct Feature {
    Measure measure = Measure::kCount;
    uint32_t field = StepPlan::kNone;  // position in RoutePlan::fields; none for a count
    std::string json_name;             // `,"name":`
  };

  uint32_t rule = 0;  // RuleIndex
  state::StepId id = 0;
  int64_t window_ms = 0;
  int64_t slide_ms = 0;
  bool emit_every = false;
  std::vector<Feature> features;
};

}  // namespace turnout::router

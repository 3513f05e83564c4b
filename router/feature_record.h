// FeatureRecord: what an aggregate has counted of one key, of a pane or of the panes of a window;
// its bytes in the state, and the record that is sent.
//
// Format, one feature after another: count (8 bytes); sum, min, max (8 bytes of an IEEE double; a
// NaN: no value yet); avg: sum and number of values (8 bytes each); distinct: a DistinctSketch.
//
// Errors: DataLoss for bytes that are none of the plan's. Threads: one. Allocates nothing once
// warm.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "router/distinct_sketch.h"
#include "router/matcher.h"
#include "router/step_plan.h"

namespace turnout::router {

class FeatureRecord {
 public:
  // Nothing is counted; it is of this plan from now on, which is borrowed.
  void Start(const AggregatePlan& plan);
  // Adds what a pane holds.
  absl::Status Merge(std::string_view pane);
  void CountEvent(const Matcher::Scratch& fields);
  void AppendTo(std::string* pane);

  // {"key":"k","window_start_ms":0,"window_end_ms":60000,"n":5}
  void AppendJson(std::string_view key, int64_t window_end_ms, std::string* out);

 private:
  struct Feature {
    uint64_t count = 0;  // of events, of an average's values
    double number = 0;   // sum, min, max
    DistinctSketch distinct;
  };

  const AggregatePlan* plan_ = nullptr;
  std::vector<Feature> features_;
};

// The shortest text that is read as the same double: an integer below 2^53 without point and
// exponent; `null` for what JSON has no number for.
void AppendNumberText(double number, std::string* out);

}  // namespace turnout::router

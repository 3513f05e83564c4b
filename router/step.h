// Step: one entry of a rule's `steps`, read and checked: what may hold a matching event back, or
// make a feature record of it. router/README.md says exactly what each does.
//
// `sample` needs no memory. The others remember by key, in the state of the event's task, under an
// id that names what their stored bytes mean: as long as that stays the same, so does the id, and a
// rule may change around them.
//
// Units: milliseconds of event time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "state/task_state.h"

namespace turnout::router {

class ContentHash;

// kEnrich is no step of its own: it stands for a match that `enrich` let go no further.
enum class StepKind { kSample, kDedup, kThrottle, kThreshold, kAggregate, kEnrich };
inline constexpr size_t kStepKinds = 6;

std::string_view StepName(StepKind kind);

// What a threshold compares, or a feature is made of.
enum class Measure { kCount, kSum, kMin, kMax, kAvg, kDistinct };

// One field of an aggregate's record.
struct Feature {
  std::string name;
  Measure measure = Measure::kCount;
  std::string field;  // its path; empty for kCount
};

struct Step {
  StepKind kind = StepKind::kSample;
  std::string key_field;

  uint32_t share = 0;  // sample: hundredths of a percent
  // dedup's `for`, throttle's `per`, threshold's `within`, aggregate's `window`.
  int64_t span_ms = 0;
  int64_t slide_ms = 0;      // aggregate
  uint32_t limit = 0;        // throttle
  Measure measure = Measure::kCount;  // threshold: count, sum or distinct
  std::string measure_field;          // threshold: of sum and distinct
  double at_least = 0;                // threshold
  bool emit_every = false;            // threshold, aggregate; else at the crossing, at the close
  std::vector<Feature> features;      // aggregate, in the order written

  state::StepId id = 0;  // 0: nothing is remembered

  bool keeps_state() const { return kind != StepKind::kSample; }
};

// Names what the step remembers: the same for steps whose stored bytes mean the same. `ordinal`
// counts the rule's steps of that kind before it. What a rule remembers in shadow is none of what
// it remembers live. 0 for one that keeps no state.
state::StepId StepIdOf(std::string_view team, std::string_view rule, bool is_shadow,
                       const Step& step, uint32_t ordinal);

// Adds all that decides what the step does.
void HashStep(const Step& step, ContentHash* hash);

// Named limits of what a step may ask for.
inline constexpr int64_t kStepSpanMsMin = 1;
inline constexpr int64_t kStepSpanMsMax = int64_t{90} * 24 * 3600 * 1000;
inline constexpr uint32_t kThrottleLimitMax = 1'000'000'000;
inline constexpr uint32_t kThresholdItemsMax = 1'000;  // of count and distinct: `at_least`
inline constexpr int64_t kWindowSlidesMax = 100;       // slides a window
inline constexpr size_t kFeaturesMax = 64;             // of an aggregate
inline constexpr size_t kFeatureNameBytesMax = 100;
inline constexpr size_t kStepKeyBytesMax = 1'024;
inline constexpr size_t kClosedWindowsMax = 256;       // an event closes at most, the next one more

}  // namespace turnout::router

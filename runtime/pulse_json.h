// PulseJson: what a router tells the config manager every few seconds: how it is, and what each of
// its rules has done since the start. Whoever has two of them has rates.
//
// Format: {"instance", "started_ms", "uptime_ms", "version", "ready", "samples", "lag", "events",
//   "troubles": [{"gravity", "what", "cure"}], "rules": [{"rule": "team/name", "matched", "sent",
//   "parked", "dead_lettered", "errors"}], "sample"}. `lag` is in records, -1: not known; `errors`
//   are outputs that became dead letters, and matches for which a step had no room.
// Limits: the busiest kPulseRulesMax rules by name, what the others did together as `other/other`;
//   the gravest kPulseTroublesMax troubles, kPulseTextBytesMax of each text.
// Threads: pure, but for the secrets that the log knows.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/pipeline_view.h"
#include "runtime/traffic.h"

namespace turnout::runtime {

inline constexpr size_t kPulseRulesMax = 1'000;
inline constexpr size_t kPulseTroublesMax = 20;
inline constexpr size_t kPulseTextBytesMax = 500;

struct PulseExtras {
  bool is_ready = false;
  bool shows_samples = false;
  std::string_view sample;  // a JSON array; empty: none is sent
};

std::string PulseJson(const PipelineView& view, const TrafficTotals& totals,
                      const PulseExtras& extras);

}  // namespace turnout::runtime

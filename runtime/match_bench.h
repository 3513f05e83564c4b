// MatchBench: what a rule set costs an event, measured in this process.
//
// What is timed is Matcher::Match of a rule set as routing would build it: the whole event
// validated, the fields that record keys and destinations ask for gathered, every rule judged;
// nothing read, written or put together from it. Time is the thread's own CPU time, so that what
// else runs on the machine counts only by what it does to caches and clock rates. After a warm-up
// come at least five passes, each of as many rounds over all events as it takes to last 50 ms; the
// best one is the figure.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "router/matcher.h"

namespace turnout::runtime {

// CPU time of the calling thread.
int64_t ThreadCpuTimeNs();

// Bytes of this process's heap that are in use; nullopt where the allocator does not say.
std::optional<size_t> HeapBytesInUse();

struct MatchCost {
  size_t events = 0;   // of a round
  size_t matches = 0;  // of a round
  size_t errors = 0;   // events of a round that could not be read
  double ns_per_event = 0;
  std::optional<double> allocations_per_event;  // once warm
};

// `events` is not empty.
MatchCost MeasureMatch(const router::Matcher& matcher, absl::Span<const std::string_view> events);

// What came before the first event.
struct RuleSetCost {
  size_t rules = 0;
  double read_ms = 0;   // rule files read, checked and compiled
  double build_ms = 0;  // RuleSet::Build, the index included
  std::optional<double>
      bytes_per_rule;  // of heap that the rule set keeps, patterns and ids with it
};

// One line of JSON.
std::string FormatBench(const RuleSetCost& rules, const MatchCost& match);

}  // namespace turnout::runtime

// CanaryLag: how long events of a canary wait, by what is seen of its offsets.
//
// Events' times say nothing of that: those of a backfill are old when they come, and on a quiet
// topic the last one that was routed is. So of each partition in which events wait a mark is kept:
// how far it reaches, and when that was seen. Until the pod has routed that far, those events have
// waited since then, at least.
//
// A partition stands still if nothing of it is routed for kStillAfter and its state is not being
// rebuilt. It is slow if events of it wait for longer than allowed, unless it moves and what waits
// will be through within kThroughWithin as it shrinks now, or is no more than kBehindTimes times
// what waits in a partition of the pods from before, or did when the upgrade began.
//
// Limits: kMarksMax partitions, the lowest numbers.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "deploy/controller/pod_facts.h"

namespace turnout::controller {

inline constexpr absl::Duration kStillAfter = absl::Seconds(15);
inline constexpr absl::Duration kThroughWithin = absl::Hours(1);
inline constexpr int64_t kBehindTimes = 3;
inline constexpr size_t kMarksMax = 200;

struct LagMark {
  absl::Time first;       // when events were seen to wait that others have followed ever since
  int64_t first_lag = 0;  // how many waited then
  absl::Time since;       // when the mark was set
  int64_t next = 0;       // offsets then
  int64_t end = 0;
  absl::Duration waited;         // for how long its events were seen to wait
  absl::Duration waited_before;  // of the mark before it
};

using LagMarks = std::map<std::string, LagMark>;  // by PartitionKey

// A look at the canary. Partitions in which nothing waits, or that it has no more, have no mark.
void MarkLag(const PodFacts& canary, absl::Time now, LagMarks* marks);

// The most events that wait in one partition of the source, or of what is re-keyed.
int64_t MostBehind(const std::vector<const PodFacts*>& pods);

struct LagBounds {
  absl::Duration lag_max;
  int64_t behind = 0;  // MostBehind of the others
};

// What is wrong with the canary by the marks of a look just made, in plain words; nothing: all is
// well.
std::optional<std::string> WaitsTooLong(const PodFacts& canary, absl::Time now,
                                        const LagMarks& marks, const LagBounds& bounds);

// JSON as in status.upgrade.canaryLag; none is an empty text.
LagMarks ReadLagMarks(std::string_view json);
std::string LagMarksJson(const LagMarks& marks);

}  // namespace turnout::controller

// Bulkhead: what a worker makes of one destination, a pure function of what it observes of it.
//
//              refused                 asked                well
//   healthy ------------> ejected ------------> probing ------------> draining
//      ^                     ^  ^                  |                   |   |
//      |                     |  `--- unwell, no answer                 |   |
//      |                     `-------------- refused ------------------'   |
//      `-------------------------- drained: it has rejoined ---------------'
//
// Ejected or probing, all outputs for it are parked. Draining, those of a partition that has parked
// some are parked behind them until they are through; others go there directly. Who drains and
// fails is ejected again, and waits twice as long for the next question, up to the longest.
//
// Threads: a pure function. Time is an argument.
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "connectors/sink.h"

namespace turnout::runtime {

enum class BulkheadState { kHealthy, kEjected, kProbing, kDraining };

// Why it is not healthy.
enum class Ejection { kMissing, kForbidden, kUnwell, kSlow, kUnknown };

struct Bulkhead {
  BulkheadState state = BulkheadState::kHealthy;
  Ejection why = Ejection::kUnknown;
  std::string reason;  // for people
  absl::Time since;    // when it was ejected, the first time since it was healthy
  absl::Time probe_at = absl::InfiniteFuture();
  absl::Duration probe_after;

  // Whether records may be sent there.
  bool is_open() const {
    return state == BulkheadState::kHealthy || state == BulkheadState::kDraining;
  }
};

struct BulkheadLimits {
  absl::Duration probe_after_min = absl::Milliseconds(500);
  absl::Duration probe_after_max = absl::Seconds(30);
};

struct Observation {
  enum class Kind {
    kRefused,   // records, or a description that says it takes none
    kAsked,     // the brokers, for how it is
    kNoAnswer,  // they have not said
    kWell,
    kUnwell,
    kDrained,  // nothing is parked for it any more
  };
  Kind kind = Kind::kRefused;
  Ejection why = Ejection::kUnknown;  // kRefused, kUnwell
  std::string reason;                 // the same
};

// The state after the observation. One that says nothing of the state it is made in changes
// nothing.
Bulkhead Advance(Bulkhead bulkhead, const Observation& observed, absl::Time now,
                 const BulkheadLimits& limits);

Ejection EjectionOf(connectors::DestinationFailure::Kind kind);
// "missing", "draining", ...: part of what users see.
std::string_view EjectionName(Ejection why);
std::string_view BulkheadStateName(BulkheadState state);

}  // namespace turnout::runtime

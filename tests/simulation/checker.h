// The checker: compares what lies in the topics with what the oracle expects.
//
// Exactly once: every event has exactly the outcomes of one of the rule sets, all of one; in each
// partition of each destination what came from one partition of the source stands in its order; the
// record's key decides its partition; key, value, timestamp and headers are the event's own. The
// committed offset is behind the last event, and its note names, for every event, the rule set that
// its records name.
//
// At least once: every event has at least all outcomes of one rule set, and nothing that no rule
// set led to. Records may repeat, but never skip: where an event's record stands in a partition for
// the first time, those of all earlier events of its source partition already stand there.
//
// Of rules that remember (state_rules.h) the checker only collects the records, in lines;
// state_checker.h compares them, and reads the internal topic of re-keyed events.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "connectors/sink.h"
#include "tests/simulation/oracle.h"
#include "tests/support/memory_log.h"

namespace turnout::simulation {

using Place = std::pair<int32_t, int64_t>;  // partition and offset
using Events = std::map<Place, SimEvent>;   // by their places in the source
using Versions = std::map<Place, int>;      // the rule set that each was applied by

// A state that was rebuilt by other rules than those that had led to the outputs.
struct Rebuilt {
  int64_t from = 0;  // the first offset that was applied by them
  int64_t to = 0;    // the first that was not
  int version = 0;
};

struct Expectation {
  connectors::Delivery delivery = connectors::Delivery::kExactlyOnce;
  const Events* events = nullptr;
  int first_settled_id = 0;    // from this event on every destination was well
  std::vector<int> published;  // rule sets, in their order
  // False: offsets were set back on the way, so that records may repeat whatever the delivery.
  bool once = true;
  // What fits when it is parked may not when it is sent on: such dead letters come late.
  bool has_team_limits = false;
  // What the notes said was in force: for each event, and for each that came to the second hop.
  Versions versions;
  Versions rekeyed_versions;
  std::map<int32_t, Rebuilt> rebuilt;  // partitions of the source
};

// What the rules that remember made of each event, with the rule set that each record names.
struct StateRecord {
  std::string line;
  int version = -1;  // of those in the internal topic, which don't name it
  std::string topic;
  Place place;  // in the topic

  bool is(const StateRecord& other) const {
    return std::tie(line, version) == std::tie(other.line, other.version);
  }
};
using StateRecords = std::map<Place, std::vector<StateRecord>>;

// What is wrong, a sentence each, at most a few; empty where all is well.
std::vector<std::string> Check(support::MemoryLog& log, support::MemoryGroup& group,
                               const Expectation& expectation, StateRecords* state_records);

}  // namespace turnout::simulation

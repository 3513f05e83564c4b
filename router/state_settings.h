// StateSettings: what a pipeline's config says that decides what its steps remember, and how its
// events are read. A part of the rule set and of its hash, so that a replay decides as the first
// time.
//
// Units: milliseconds of event time; bytes as StateMeter counts them.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace turnout::router {

// For a source of one partition.
inline constexpr std::string_view kOnePartition = "*";

inline constexpr int64_t kNoStateLimit = std::numeric_limits<int64_t>::max();

struct StateSettings {
  // The field that the source is partitioned by; empty: none is known; kOnePartition: all keys
  // meet. Steps on another key are re-keyed.
  std::string partitioned_by;
  // Where an event says when it happened; empty: its record's timestamp.
  std::string time_field;
  // How far behind the newest event of its partition an event may be and still count.
  int64_t lateness_ms = 10'000;
  // How far one event may move its partition's time ahead: a stray date must not expire the rest.
  int64_t ahead_ms_max = 3'600'000;
  // What the steps of a rule may keep in one partition.
  int64_t rule_state_bytes_max = int64_t{1} << 30;
  // What all rules of a team may.
  int64_t team_state_bytes_max = kNoStateLimit;
  // CloudEvents in binary mode are read as in structured mode (cloud_event.h).
  bool cloud_events = false;

  bool operator==(const StateSettings&) const = default;
};

}  // namespace turnout::router

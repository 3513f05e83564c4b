// A parked record: an output in the parking topic, as it is to be sent once its destination is
// well.
//
// Key and value are the output's own. Its headers come first; behind them those that say what is to
// become of it and why it waits, and last the one that says where it belongs:
//
//   turnout-parked    <partition>/<lane>/<number>/<timestamp>/<headers>/<group>
//
// The words: the source partition whose task parked it, its lane there and its number in the lane,
// the output's own timestamp (the record's is when it was parked, so that age is counted from
// then), how many of the headers are the output's, and the consumer group that parked it.
// Errors: what is no parked record of this group is none of ours: false.
// Threads: pure functions. Lifetime: what is decoded views the record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/record.h"

namespace turnout::runtime {

inline constexpr std::string_view kParkedHeader = "turnout-parked";

struct ParkedPlace {
  int32_t partition = 0;
  int64_t lane = 0;
  int64_t number = 0;
};

// The last header's value, into `text`.
void EncodeParked(const ParkedPlace& place, int64_t timestamp_ms, size_t header_count,
                  std::string_view group, std::string* text);

struct ParkedRecord {
  ParkedPlace place;
  connectors::OutputRecord output;  // as it would have been sent
  std::string_view rule_ids;
  std::string_view rule_set;  // its hash
  std::string_view source;    // "events/3/1742"
  bool is_record = false;     // what a rule made, not the event
};

bool DecodeParked(const connectors::Event& record, std::string_view group, ParkedRecord* parked);

}  // namespace turnout::runtime

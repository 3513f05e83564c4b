// How an event travels that is put back from where it had been put aside: through the re-key topic,
// to go on where it stood.
//
// It is as it came (value, timestamp, headers), and behind its headers are two more:
//
//   turnout-redriven     1 events/3/1742 event 00f3ab...[,...] - team/rule[,...]
//   turnout-rekeyed-key  the event's own key; null if it had none
//
// The words of the first: the format, the source position, whether it is the event or a record that
// rules made of it, the steps to go on with (`-`: they are passed), the only destination (`-`:
// all), the rules (`-`: all). The record's key is the event's own, so that order is kept by it.
//
// Errors: a record without these headers is none: false.
// Threads: pure functions. Lifetime: what is decoded views the record.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/record.h"
#include "router/router.h"

namespace turnout::runtime {

inline constexpr std::string_view kRedrivenHeader = "turnout-redriven";

// `text` becomes the first header's value.
void EncodeRedriven(std::string_view source, const router::Redriven& from, std::string* text);

struct RedrivenEvent {
  connectors::Event event;  // as it was in the source, but for its position: that of this record
  std::string_view source;  // "events/3/1742"
  bool is_record = false;
  std::vector<state::StepId> steps;
  std::string_view destination;
  std::string_view rule_ids;

  router::Redriven from() const {
    return {
        .rule_ids = rule_ids, .steps = steps, .destination = destination, .is_record = is_record};
  }
};

// Into `redriven`, whose memory is used again.
bool DecodeRedriven(const connectors::Event& record, RedrivenEvent* redriven);

}  // namespace turnout::runtime

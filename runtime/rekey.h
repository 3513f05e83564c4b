// Re-keying: how a matched event travels to the partition where its next step keeps its key.
//
// The event is sent to an internal topic under that key, as it was: value, timestamp and headers,
// and behind them two more that say where it came from and how it goes on. Who reads the topic puts
// the event together again, so that all that follows is the same as without the detour.
//
//   turnout-rekeyed      1 events/3/1742 00f3ab...[,...] team/rule[,...] 5f0c1d2e3a4b5c6d[ shadow]
//   turnout-rekeyed-key  the event's own key; null if it had none
//
// The words of the first: the format, the source position, the ids of the next steps (16 hex
// digits), the rules they are of, in the same order, the rule set that sent it, and whether the
// rules are in shadow.
// Errors: a record without these headers is none of ours: nullopt.
// Threads: pure functions. Lifetime: what is decoded views the record.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/record.h"
#include "router/router.h"

namespace turnout::runtime {

inline constexpr std::string_view kRekeyedHeader = "turnout-rekeyed";
inline constexpr std::string_view kRekeyedKeyHeader = "turnout-rekeyed-key";

// `text` becomes the first header's value.
void EncodeRekeyed(std::string_view source, const router::Rekeyed& rekeyed,
                   std::string_view rule_set, std::string* text);

// Steps as 16 hex digits each, with commas between them.
void AppendSteps(absl::Span<const state::StepId> steps, std::string* text);
// False: it is nothing of the kind.
bool ReadSteps(std::string_view text, std::vector<state::StepId>* steps);

struct ArrivedEvent {
  connectors::Event event;  // as it was in the source, but for its position: that of this record
  std::string_view source;  // "events/3/1742"
  std::vector<state::StepId> steps;
  std::string_view rule_ids;
  std::string_view rule_set;  // hash of the one that sent it
  bool is_shadow = false;
};

// Into `arrived`, whose memory is used again. False: not a re-keyed event.
bool DecodeRekeyed(const connectors::Event& record, ArrivedEvent* arrived);

}  // namespace turnout::runtime

// Names of the record headers that Turnout adds. They are part of what users see: never renamed.
#pragma once

#include <string_view>

namespace turnout::runtime {

// On every output (unless `provenance_headers` is off) and every dead letter: which rules sent it,
// "fraud/card-testing,fraud/all"; of which rule set; and of which event, topic/partition/offset.
inline constexpr std::string_view kRulesHeader = "turnout-rules";
inline constexpr std::string_view kRuleSetHeader = "turnout-rule-set";  // "5f0c1d2e3a4b5c6d"
inline constexpr std::string_view kSourceHeader = "turnout-source";     // "events/3/1742"
// With them where `turnout replay` sent it: the job's name.
inline constexpr std::string_view kReplayHeader = "turnout-replay";

// On dead letters, always; the destination is where it should have gone.
inline constexpr std::string_view kErrorHeader = "turnout-error";    // one of the kinds below
inline constexpr std::string_view kReasonHeader = "turnout-reason";  // a sentence
inline constexpr std::string_view kDestinationHeader = "turnout-destination";
// Of a match that stopped at a step, or on its way to one: the steps that it has yet to pass, 16
// hex digits each, one for each of its rules. None: it has passed them.
inline constexpr std::string_view kStepsHeader = "turnout-steps";
// "record": the value is not the event's but what the rule made, and is to go to the destination.
inline constexpr std::string_view kValueHeader = "turnout-value-is";
inline constexpr std::string_view kValueIsRecord = "record";
// Set when the event's value was too large for the dead-letter topic too: its size in bytes.
inline constexpr std::string_view kOmittedHeader = "turnout-value-omitted-bytes";

// Values of kErrorHeader. Unroutable: a field that the route needs is missing. State full: a step
// would have to keep more of the event than `limits.rule_state_bytes_max` lets its rule. Of an
// event in the parking topic: a table that it is to be enriched from lacks the key.
inline constexpr std::string_view kErrorMissingKey = "missing_key";
inline constexpr std::string_view kErrorUnreadable = "unreadable_event";
inline constexpr std::string_view kErrorUnroutable = "unroutable";
inline constexpr std::string_view kErrorStateFull = "state_full";
inline constexpr std::string_view kErrorTooLarge = "record_too_large";
inline constexpr std::string_view kErrorUnavailable = "destination_unavailable";
// Poison: the event was tried a few times alone, and each time the process ended or the brokers
// refused what came of it. Its record has the time at which it was given up; the event's own is in
// a header, in milliseconds since 1970.
inline constexpr std::string_view kErrorPoison = "poison";
inline constexpr std::string_view kTimestampHeader = "turnout-timestamp";
inline constexpr std::string_view kErrorOverLimit = "over_limit";  // of parked outputs alone

// The team of the rules that a header names: they are all of one.
inline std::string_view TeamOf(std::string_view rule_ids) {
  return rule_ids.substr(0, rule_ids.find('/'));
}

// Those of dead letters.
inline constexpr std::string_view kDeadLetterErrors[] = {kErrorUnreadable,  kErrorUnroutable,
                                                         kErrorStateFull,   kErrorTooLarge,
                                                         kErrorUnavailable, kErrorPoison};

}  // namespace turnout::runtime

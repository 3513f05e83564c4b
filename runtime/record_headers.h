// Names of the record headers that Turnout adds. They are part of what users see: never renamed.
#pragma once

#include <string_view>

namespace turnout::runtime {

// On every output (unless `provenance_headers` is off) and every dead letter.
inline constexpr std::string_view kRulesHeader = "turnout-rules";       // "fraud/card-testing,fraud/all"
inline constexpr std::string_view kRuleSetHeader = "turnout-rule-set";  // "5f0c1d2e3a4b5c6d"
inline constexpr std::string_view kSourceHeader = "turnout-source";     // "events/3/1742": topic/partition/offset

// On dead letters, always.
inline constexpr std::string_view kErrorHeader = "turnout-error";    // one of the kinds below
inline constexpr std::string_view kReasonHeader = "turnout-reason";  // a sentence
inline constexpr std::string_view kDestinationHeader = "turnout-destination";  // where it should have gone
// Set when the event's value was too large for the dead-letter topic too: the value's size in bytes.
inline constexpr std::string_view kOmittedHeader = "turnout-value-omitted-bytes";

// Values of kErrorHeader.
inline constexpr std::string_view kErrorUnreadable = "unreadable_event";
inline constexpr std::string_view kErrorUnroutable = "unroutable";  // a field that the route needs is missing
inline constexpr std::string_view kErrorTooLarge = "record_too_large";
inline constexpr std::string_view kErrorUnavailable = "destination_unavailable";

}  // namespace turnout::runtime

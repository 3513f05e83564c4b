// Conformance: cases that say what the pattern language means, read and run.
//
// One JSON object a line:
//   {"id", "rules": {NAME: PATTERN or [PATTERN, ...]}, "event": TEXT, "expected": [NAME, ...]}
//   {"id", "rules": ..., "event": TEXT, "expected_error": WHY}   the event must be refused
//   {"id", "pattern": TEXT, "valid": true | false}   in event-ruler's language; with
//                                                    "extensions": true in ours
// Patterns and events are texts holding JSON, so that number spelling, duplicate keys and escapes
// survive; text after a pattern's or an event's end is ignored. A list under one name: any of the
// patterns may match. All rules of a case are loaded together. An optional "kafka" member
// {"key", "topic", "partition", "headers": [[NAME, VALUE], ...]} supplies the record around the
// event; "event": null is a tombstone.
//
// Errors: a line that is no case is InvalidArgument; a case that differs is an answer.
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace turnout::router {

struct CaseOutcome {
  std::string id;
  // What differs from the expectation, in one sentence; empty when nothing does.
  std::string difference;
  bool passed() const { return difference.empty(); }
};

absl::StatusOr<CaseOutcome> RunConformanceCase(std::string_view line);

}  // namespace turnout::router

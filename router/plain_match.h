// PlainMatch: patterns judged one by one, as their definition reads.
//
// No index, no shortcuts beyond remembering a test's answer within one event: this is the matcher
// to check others against.
//
// Errors: ResourceExhausted when an event's arrays allow more combinations than a pattern may try.
// Threads: the plan is immutable; a PlainMatch belongs to one thread.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "router/array_consistency.h"
#include "router/gathered_event.h"
#include "router/pattern_content.h"

namespace turnout::router {

// A pattern together with the gathered fields that its tests look at.
struct PlainPattern {
  std::shared_ptr<const PatternContent> content;
  std::vector<FieldId> fields;  // by test
};

class PlainMatch {
 public:
  // `event_bytes` is the length of the event's text.
  absl::StatusOr<bool> Matches(const PlainPattern& pattern, GatheredEvent* event,
                               size_t event_bytes);

 private:
  // The leaves that satisfy a test, found when a branch first asks.
  struct TestAnswer {
    bool known = false;
    std::vector<uint32_t> matches;
  };

  const TestAnswer& AnswerOf(const PlainPattern& pattern, uint32_t test, GatheredEvent* event,
                             size_t event_bytes);
  ArrayConsistency::Answer BranchHolds(const PlainPattern& pattern,
                                       const std::vector<uint32_t>& branch, GatheredEvent* event,
                                       size_t event_bytes);

  std::vector<TestAnswer> answers_;  // by test of the pattern being judged
  std::vector<ArrayConsistency::Field> fields_;
  ArrayConsistency consistency_;
};

}  // namespace turnout::router

// PlainMatcher: what a Matcher must answer, found the slow and obvious way.
//
// The oracle of the differential tests. It reads the event into a tree (json_tree.h), lists every
// scalar with its dotted path and the array elements around it, and judges rule by rule, branch by
// branch: choose for each field, in the branch's order, one of its values that satisfies the test,
// so that no two chosen values come from different elements of one array; a field that may be
// absent is absent when it has no value that agrees with those chosen before it.
//
// Shared with what it checks, and so not checked by it: the compiler (PatternContent) and the
// predicates over single values (Satisfies). The conformance cases and tests/differential hold
// those against event-ruler itself.
//
// Errors: InvalidArgument as Matcher; `gave_up` where the choices to try were more than it tries.
// Threads: immutable; Match may be called from several.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "router/event.h"
#include "router/matcher.h"
#include "router/pattern.h"

namespace turnout::support {

class PlainMatcher {
 public:
  // Choices tried for one branch of a pattern over one event.
  static constexpr uint64_t kChoicesMax = 200000;

  struct Answer {
    absl::Status status;
    std::vector<router::PatternId> matches;          // ascending
    std::vector<std::optional<std::string>> fields;  // what Scratch::Field answers; null: none
    // Patterns it could not decide, ascending; they are not among `matches`.
    std::vector<router::PatternId> gave_up;
  };

  // As Matcher's.
  PlainMatcher(std::vector<router::Pattern> patterns, std::vector<std::string> fields);

  Answer Match(const router::Event& event) const;

 private:
  std::vector<router::Pattern> patterns_;
  std::vector<std::string> fields_;
};

}  // namespace turnout::support

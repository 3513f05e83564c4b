// PatternFault: why a pattern does not hold of an event: the first of its fields that failed, what
// was wanted there, and what was seen.
//
// Of alternatives (`$or`, `all-of` among other entries) the branch is told that came closest: the
// one with the fewest fields that fail, of those the first. Its fields are in the order of the
// rule. Where each field has a value that would do, but no element of an array has them together,
// the field is told that found none in the element of those before it.
//
// Threads: a PatternJudge is one thread's. Faults are values that own all they hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "router/array_consistency.h"
#include "router/event_fields.h"
#include "router/pattern_content.h"
#include "router/value.h"

namespace turnout::router {

// A value of the event, as far as it is shown.
struct SeenValue {
  ValueKind kind = ValueKind::kNull;
  std::string text;  // a string's content, a number's spelling; at most kSeenBytesMax
  size_t bytes_left_out = 0;
};

struct PatternFault {
  enum class Kind {
    kAbsent,      // the field has no value
    kValue,       // none of its values is wanted
    kElements,    // a wanted value is in another element of an array than `together_with`'s
    kTooMany,     // elements of arrays combine in more ways than are tried
    kUnreadable,  // the payload can't be read
  };

  Kind kind = Kind::kUnreadable;
  std::string field;            // as the rule names it
  std::string header;           // that a binary CloudEvent has the field in; empty: in none
  std::string wanted;           // its list, in the rule's notation: JSON
  std::vector<SeenValue> seen;  // the first kSeenValuesMax; of kElements those that would do
  size_t values = 0;            // how many there were
  std::vector<std::string> together_with;  // kElements: fields that have to be in one element
  size_t fields = 0;                       // of the branch
  size_t fields_failed = 0;                // of them, each looked at by itself
  size_t branches = 1;                     // alternatives that the pattern comes to
  // What is told, as indices into PatternContent::tests: the field's, or for kElements and kTooMany
  // all that do not hold together.
  std::vector<uint32_t> tests;
};

inline constexpr size_t kSeenValuesMax = 10;
inline constexpr size_t kSeenBytesMax = 200;
inline constexpr size_t kWantedEntriesMax = 20;

class PatternJudge {
 public:
  // Nothing where the pattern holds. `fields` has been asked for the pattern's and has read the
  // event.
  std::optional<PatternFault> FaultOf(const PatternContent& pattern, EventFields* fields);

 private:
  // A field's test, by itself.
  struct Judged {
    std::vector<LeafIndex> found;
    std::vector<LeafIndex> matches;
    bool fails = false;
  };
  using Branch = std::vector<uint32_t>;  // of PatternContent::branches

  void JudgeTests(const PatternContent& pattern, EventFields* fields);
  size_t CountFailed(const Branch& branch) const;
  // Of the branch's first `count` fields.
  ArrayConsistency::Answer Solve(const PatternContent& pattern, const Branch& branch, size_t count,
                                 const GatheredEvent& event);
  PatternFault FaultOfBranch(const PatternContent& pattern, const Branch& branch,
                             EventFields* fields);
  void DescribeElements(const PatternContent& pattern, const Branch& branch, EventFields* fields,
                        PatternFault* fault);

  std::vector<Judged> judged_;  // by test, of the pattern at hand
  ArrayConsistency consistency_;
};

}  // namespace turnout::router

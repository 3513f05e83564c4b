// Pattern: one rule's `match`, an EventBridge event pattern, checked and in canonical form.
//
// CompilePattern turns the written tree into predicates over field paths. It is the only place that
// decides what the pattern language is: what is refused, and with which words. Semantics are those
// of event-ruler's rulesForJSONEvent; where that engine contradicts itself, router/README.md says
// what was decided. A Matcher evaluates compiled patterns; nothing else interprets them.
//
// Errors: every problem of a pattern is reported in one go, each with position and cure.
// Lifetime: a Pattern owns all it needs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "router/document.h"

namespace turnout::router {

// Whose language a pattern has to keep to.
enum class PatternDialect {
  kTurnout,      // EventBridge's, and what we have beyond it
  kEventRuler,   // what event-ruler's compiler of rules accepts
  kEventBridge,  // that, and no more than EventBridge says it can do
};

// Bounds that keep the cost of any one pattern small, whoever wrote it.
struct PatternLimits {
  int fields_max = 256;              // fields a pattern may name, event-ruler's own bound
  int branches_max = 1024;           // conjunctions after `$or` and `all-of` are multiplied out
  int values_max = 10000;            // predicates in a pattern
  int wildcards_max = 64;            // `*` in all wildcards of a pattern together
  int pattern_bytes_max = 262144;    // text of all predicates together
  int ignore_case_bytes_max = 1024;  // text of one `wildcard` that ignores case
  int regexes_max = 16;              // `regex` in a pattern
  int regex_bytes_max = 1 << 20;     // memory of one `regex`, program and automaton
  PatternDialect dialect = PatternDialect::kTurnout;
};

// A checked pattern. Its content is for the Matcher alone.
struct PatternContent;
using Pattern = std::shared_ptr<const PatternContent>;

// Checks `node` and compiles it. Problems get no subject; the caller knows whose pattern it is.
std::optional<Pattern> CompilePattern(const Node& node, const PatternLimits& limits,
                                      std::vector<Problem>* problems);

}  // namespace turnout::router

// PredicateText: predicates in the notation of rules, as JSON: what a pattern wanted, for people.
//
// Read again it means the same. It need not be letter for letter what was written: bounds of
// numbers are in their shortest spelling, times in UTC.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>

#include "router/pattern_content.h"
#include "router/predicate.h"

namespace turnout::router {

// An entry of a field's list: `"x"`, `12`, `{"prefix": "x"}`.
void AppendPredicateText(const Predicate& predicate, std::string* out);

// A field's list, of which at most `entries_max` are shown: what is left out is the last entry, a
// text that says how many.
std::string TestText(const FieldTest& test, size_t entries_max);

// The field as a rule names it: "order.total", "$kafka.headers.ce_type".
std::string FieldText(const FieldRef& field);

}  // namespace turnout::router

// PredicateKey: predicates in the forms that an index is built from.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "router/predicate.h"
#include "router/range_index.h"

namespace turnout::router {

// Appends bytes that are the same for equal predicates and different for others; no predicate's
// bytes begin another one's.
void AppendPredicateKey(const Predicate& predicate, std::string* out);

// The same range with bounds that are inside: an open one becomes the next double.
NumberRange ClosedRange(const Predicate::Range& range);

// Sets `folded` to the text in ASCII lower case, other characters as they are, and views it. A
// pattern of ASCII letters in any case equals just the texts that fold to what it folds to.
std::string_view FoldAscii(std::string_view text, std::string* folded);

}  // namespace turnout::router

// PredicateReader: the operators of the pattern language, from their written form.
//
// Errors: every problem is appended with its place and cure; the reader goes on with what follows.
#pragma once

#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "router/document.h"
#include "router/predicate.h"

namespace turnout::router {

// Every operator of a match expression, in the order that help shows them.
absl::Span<const std::string_view> OperatorNames();

// Names that cannot be fields inside of `$or`: the operators and those kept for the future. Their
// presence is how event-ruler tells alternatives from a field that happens to be named `$or`.
bool IsReservedInAlternatives(std::string_view name);

// Reads one entry of a field's list. False when there was a problem.
bool ReadPredicate(const Node& node, Predicate* predicate, std::vector<Problem>* problems);

}  // namespace turnout::router

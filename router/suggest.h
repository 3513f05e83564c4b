// Suggest: the known name that a misspelt one was probably meant to be.
//
// Distance counts insertions, deletions, replacements and swaps of neighbours, letters compared
// without case, `-` and `_` as one. About one edit for every three characters counts as near.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace turnout::router {

// Longer words are never near to anything; keeps the cost of a hostile name small.
inline constexpr size_t kSuggestWordBytesMax = 128;

// The nearest of `known`, the first of equals; empty when nothing is near. A view into `known`.
std::string_view NearestName(std::string_view word, absl::Span<const std::string_view> known);

// "did you mean `x`? Known: a, b, x", the question left out when nothing is near: for cures.
std::string NearestNameCure(std::string_view word, absl::Span<const std::string_view> known);

// As it may stand in a message: in backquotes, not longer than a line takes.
std::string Quoted(std::string_view text);

}  // namespace turnout::router

// PatternCover: whether a pattern certainly matches whatever another one matches.
//
// Told from the two alone: each branch of the narrower one must have a branch of the wider one
// whose tests all hold whenever its own do. `true` is certain, `false` says nothing: what is not
// easily seen (one regular expression within another, a union of two ranges) is not looked for.
// Left aside is an event that a matcher refuses to search on (array_consistency.h).
//
// Cost: comparisons of two predicates are bounded; what takes more is not seen.
// Threads: pure function.
#pragma once

#include <cstddef>

#include "router/pattern.h"

namespace turnout::router {

// Comparisons of predicates for one pair of patterns.
inline constexpr size_t kCoverComparisonsMax = 1'000'000;

bool Covers(const Pattern& wider, const Pattern& narrower);

}  // namespace turnout::router

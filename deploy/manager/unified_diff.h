// UnifiedDiff: what differs between two texts, line by line, in the form that `diff -u` and Git
// have: for people, and for patch.
//
// The fewest lines are removed and added (Myers), but where texts differ in more than
// kDiffLinesMax lines: then all between the first and the last difference is.
//
// Cost: time and memory grow with lines times differences; 16 MB at most.
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "deploy/manager/item.h"

namespace turnout::manager {

inline constexpr size_t kDiffLinesMax = 2'000;  // removed and added
inline constexpr size_t kDiffContextLines = 3;  // shown around differences

// Empty where the texts are the same. A name that is empty stands for a text that there is none of.
std::string UnifiedDiff(std::string_view before_name, std::string_view before,
                        std::string_view after_name, std::string_view after);

// The same of an item as it stands in a tree (item_tree.h), under its path there. Null: there is
// none. Of a secret's value it says no more than that it differs.
std::string ItemDiff(const ItemId& id, const ItemContent* before, const ItemContent* after);

}  // namespace turnout::manager

// JsonDifference: where two JSON values differ first, in words.
//
// Members are compared by name, in any order, a name that is given twice by its last value; numbers
// by value, as patterns compare them.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>

#include "router/document.h"

namespace turnout::runtime {

// "`order.total` is 6, not 5", found and expected; nullopt: they are the same.
std::optional<std::string> JsonDifference(const router::Node& expected, const router::Node& found);

}  // namespace turnout::runtime

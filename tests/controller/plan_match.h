// PlanMatch: whether a plan has what a case expects of it.
//
// An object is matched by what it names; of an array each expected item has to match some item.
// "~words": a text with these words in it. {"$size": N}: an array of so many. {"$none": X}: an
// array in which nothing matches X. null: it is not there. "$any": it is there, whatever it is.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace turnout::controller {

// Where it does not match first, in words; empty: it matches.
std::string Mismatch(const nlohmann::json& expected, const nlohmann::json* found,
                     const std::string& place);

}  // namespace turnout::controller

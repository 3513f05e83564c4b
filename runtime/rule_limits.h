// LoadRuleLimits: the limits that a pipeline's config sets on rules, for commands that run none.
//
// Of the config nothing but `limits` is taken: what else it needs may be missing, and the variables
// and files that it refers to elsewhere are not read, so it works where the secrets are not.
//
// Errors: a config that can't be read, and every problem of its keys and limits.
#pragma once

#include <optional>
#include <string>

#include "router/rule_file.h"

namespace turnout::runtime {

// Nullopt with a line a problem appended to `problems`. An empty path: the limits by default.
std::optional<router::RuleLimits> LoadRuleLimits(const std::string& config_path,
                                                 std::string* problems);

}  // namespace turnout::runtime

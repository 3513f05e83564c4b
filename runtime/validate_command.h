// validate: checks rule files with the code that runs them.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "router/rule_file.h"

namespace turnout::runtime {

// Writes a line a problem, all problems of all files in one go, and a short line for each file that
// is right. Answers the exit status: 0, or 2 when any file is refused.
int RunValidate(const std::vector<std::string>& paths, const router::RuleLimits& limits,
                std::FILE* in, std::FILE* out);

}  // namespace turnout::runtime

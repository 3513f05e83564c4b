// test: runs teams' own test cases over their rules, with the code that runs them.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "router/rule_file.h"
#include "router/state_settings.h"

namespace turnout::runtime {

struct TestOptions {
  std::vector<std::string> paths;  // directories, rule files or test files
  std::string junit;               // where the report for CI goes; empty: nowhere
  router::RuleLimits limits;
  router::StateSettings settings;
};

// Failures, a line a file and the counts go to `out`; problems of files to `err`, all of all files
// in one go. Exit status: 0 when all cases passed, 1 when some failed, 2 when a file is refused or
// can't be read, or there is no case at all.
int RunTests(const TestOptions& options, std::FILE* out, std::FILE* err);

}  // namespace turnout::runtime

// RuleLoader: rule files from disk, a team each, and what is wrong with those that are refused.
//
// A path is a file, a directory or `-` (standard input). Of a directory the files ending in .yaml,
// .yml, .json and .jsonl are read, in the order of their names, not those of directories within;
// names starting with a dot are passed over, links are followed, so a mounted ConfigMap reads as it
// looks. A .jsonl file holds rules of many teams, a line each; every other file those of one.
//
// Errors: never fails as a whole. A file with a problem is refused, which refuses its team and no
//   other; a second file for the same team is refused, naming the first.
// Threads: any; reads the file system.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "router/document.h"
#include "router/rule_file.h"

namespace turnout::runtime {

struct LoadedFile {
  std::string file;
  std::vector<std::string> teams;  // in the order in which the file names them
  size_t rules = 0;
};

struct RefusedFile {
  std::string file;
  std::vector<router::Problem> problems;  // never empty
};

struct LoadedRules {
  std::vector<router::Team> teams;  // sorted by team, each once
  std::vector<LoadedFile> files;    // what `teams` came from
  std::vector<RefusedFile> refused;
};

// Files of a directory that are looked at; those beyond are refused by name.
inline constexpr size_t kRuleFilesMax = 10000;

LoadedRules LoadRules(const std::vector<std::string>& paths, const router::RuleLimits& limits,
                      std::FILE* standard_input = stdin);

// "file:line:column: team/rule: what is wrong (what to do)", one line whatever the texts hold.
std::string FormatProblem(std::string_view file, const router::Problem& problem);

// Every problem of every refused file, each line ended.
std::string FormatRefused(const LoadedRules& rules);

}  // namespace turnout::runtime

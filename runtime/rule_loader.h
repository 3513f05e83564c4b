// RuleLoader: rule files from disk, a team each, and what is wrong with those that are refused.
//
// A path is a file, a directory or `-` (standard input). Of a directory the files ending in .yaml,
// .yml, .json and .jsonl are read, in the order of their names, not those of directories within;
// names starting with a dot are passed over, and so are teams' tests (checkout.test.yaml); links
// are followed, so a mounted ConfigMap reads as it looks. A .jsonl file holds rules of many teams,
// a line each; every other file those of one.
//
// LoadRules reads all of it once; its parts are there for RuleShelf, which reads again.
//
// Errors: never fails as a whole. A file with a problem is refused, which refuses its team and no
//   other; a second file for the same team is refused, naming the first.
// Threads: any; reads the file system.
#pragma once

#include <cstddef>
#include <cstdio>
#include <optional>
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

// Whether a file of that name holds a team's test cases (rule_test_file.h).
bool IsRuleTestName(std::string_view name);

// Whether it ends as a rule file's does, and is neither hidden nor one of test cases.
bool IsRuleFileName(std::string_view name);

// Files of a directory that are looked at; those beyond are refused by name.
inline constexpr size_t kRuleFilesMax = 10000;

struct RuleFileList {
  std::vector<std::string> files;    // sorted by name; may still turn out to be unreadable
  std::vector<RefusedFile> refused;  // the path itself, or what can't be a rule file
  // False: the path or its directory can't be looked at, or holds no rule file.
  bool is_complete = true;
};
RuleFileList ListRuleFiles(const std::string& path);

// The file's text, cut off behind limits.file_bytes_max, so that CompileRules refuses it. Nullopt
// with a Problem when it can't be read.
std::optional<std::string> ReadRuleText(const std::string& file, const router::RuleLimits& limits,
                                        std::vector<router::Problem>* problems);

// Whether teams remember the text that they were read from.
enum class RuleTexts { kKept, kDropped };

// The teams of a file in the order in which it names them; empty after a Problem.
std::vector<router::Team> CompileRules(const std::string& file, std::string_view text,
                                       const router::RuleLimits& limits,
                                       std::vector<router::Problem>* problems,
                                       RuleTexts texts = RuleTexts::kKept);

// A file has rules of a team of which `first` had some already.
router::Problem TeamElsewhere(const std::string& team, const std::string& first);

LoadedRules LoadRules(const std::vector<std::string>& paths, const router::RuleLimits& limits,
                      std::FILE* standard_input = stdin);

// "file:line:column: team/rule: what is wrong (what to do)", one line whatever the texts hold.
std::string FormatProblem(std::string_view file, const router::Problem& problem);

// Every problem of every refused file, each line ended.
std::string FormatRefused(const std::vector<RefusedFile>& refused);
inline std::string FormatRefused(const LoadedRules& rules) { return FormatRefused(rules.refused); }

}  // namespace turnout::runtime

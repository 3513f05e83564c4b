// match: asks the router's own matcher which rules match, for events or for conformance cases.
#pragma once

#include <cstdio>
#include <string>

#include "router/rule_file.h"

namespace turnout::runtime {

// Files the commands read: a path, or "-" for `in`. Answers go to `out`, complaints to `err`.
struct CommandStreams {
  std::FILE* in = stdin;
  std::FILE* out = stdout;
  std::FILE* err = stderr;
};

// For each line of `events_path`, an event of any size, a line of JSON: the sorted array of
// matching "team/rule", or {"error": "..."} for what is not a JSON object. Blank lines are skipped.
// Exit status: 0, or 2 when the rules don't load or a file can't be read.
int RunMatchEvents(const std::string& rules_path, const router::RuleLimits& limits,
                   const std::string& events_path, const CommandStreams& streams);

// Reads rules and events into memory, measures what the rules cost an event (runtime/match_bench.h)
// and writes one line of JSON. Blank lines are skipped; an event that is not a JSON object is
// counted as an error and timed like the others. Exit status: 0, or 2 when the rules don't load or
// a file can't be read or holds no event.
int RunMatchBench(const std::string& rules_path, const router::RuleLimits& limits,
                  const std::string& events_path, const CommandStreams& streams);

// Runs conformance cases (format: router/conformance.h), plain or gzipped; writes a line for each
// that differs or is no case, and a last line `N passed, M failed`. Exit status: 0, 1 when any
// failed, 2 when the file can't be read or holds no case.
int RunMatchCases(const std::string& cases_path, const CommandStreams& streams);

}  // namespace turnout::runtime

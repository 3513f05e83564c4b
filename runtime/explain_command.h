// explain: the `explain` command: what becomes of events, and why.
//
// Events come from a file, from a position of the source, or from the provenance of an output. They
// are explained with the rules at hand (those of a topic or an endpoint: remote_rules.h); where an
// output's provenance names others, those are looked for among the rule sets that were in force on
// this machine, and that the checkpoint store keeps.
//
// Errors: the exit status: 0 explained, 1 the event could not be had, 2 the rules could not, or
// they or the config are refused, or bad usage; standard error says why. Threads: the main one.
#pragma once

#include <string>
#include <vector>

#include "runtime/match_command.h"

namespace turnout::runtime {

struct ExplainCommandOptions {
  std::string config_path;             // for positions, tables' names, and what rules are held to
  std::vector<std::string> overrides;  // of `--set`
  std::string rules;                   // a file or a directory; empty: the config's
  std::string events;                  // FILE or -: a payload a line
  bool records = false;                // ... or a record as JSON a line
  std::string at;                      // PARTITION:OFFSET of the source
  std::string output;                  // TOPIC:PARTITION:OFFSET of an output or dead letter
  std::string state;                   // a task's store on disk, to ask what its steps remember
  std::string rule;                    // TEAM/NAME: only that one
  bool json = false;
};

int RunExplain(const ExplainCommandOptions& options, const CommandStreams& streams);

}  // namespace turnout::runtime

// RunPipeline: the `run` command: reads the config, starts a Process and turns signals into its
// end.
//
// SIGTERM or SIGINT: finish the batch, commit, leave the group, exit 0 within
// limits.shutdown_timeout and a second (5 seconds by default). A second
// one (100 ms later or more) ends the process at once, with 128 + the signal's number.
//
// Errors: the exit status: 0 stopped by a signal, 1 could not go on, 2 bad config or rules, with
// one
//   line a problem on standard error.
// Threads: to be called on the main thread before any other is started: it blocks the signals for
//   every thread that follows.
#pragma once

#include <string>
#include <vector>

namespace turnout::runtime {

struct RunOptions {
  std::string config_path;
  bool embedded = false;
  bool print_config = false;           // show everything in force and exit
  std::vector<std::string> overrides;  // "key=value", before the file's
};

int RunPipeline(const RunOptions& options);

}  // namespace turnout::runtime

// RunManager: the `manager` command: starts a ManagerServer and ends it by signal.
//
// Errors: the exit status: 0 stopped by a signal, 1 could not go on, 2 bad options or config, told
//   on standard error.
// Threads: to be called on the main thread before any other is started (runtime/stop_signals.h).
#pragma once

#include <string>

#include "deploy/manager/manager_options.h"

namespace turnout::manager {

// `config_file` may be empty.
int RunManager(const std::string& config_file, const ManagerOptions& given);

}  // namespace turnout::manager

// What commands end with: one table for all of them, since scripts, jobs and the controller read
// it.
//
// A command whose findings are an answer of their own (a difference, a failed test) says so by
// kExitFailed too, under a name that tells it.
// Errors: none. Threads: any.
#pragma once

#include "absl/status/status.h"

namespace turnout::runtime {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;   // could not be done, or not go on
inline constexpr int kExitRefused = 2;  // bad options, config or rules: another try ends the same

// kExitRefused for InvalidArgument. An error is told on standard error, without secrets.
int ExitStatus(const absl::Status& status);

}  // namespace turnout::runtime

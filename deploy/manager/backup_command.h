// RunBackup, RunRestore: `turnout manager backup` and `turnout manager restore`.
//
// A backup is made of a store that no manager has open, or, with `shared`, of the log that managers
// share, whether they run or not. Restoring one fills an empty directory, verified first.
//
// Errors: the exit status: 0 done, 1 it could not be done, 2 the usage; told on standard error with
//   the cure.
// Threads: one.
#pragma once

#include <string>

#include "deploy/manager/manager_options.h"

namespace turnout::manager {

struct BackupOptions {
  std::string config;  // the manager's; may be empty
  ManagerOptions given;
  std::string place;  // `--to`, `--from`: a directory or s3://BUCKET/PREFIX
  std::string name;   // restore: which; empty: the newest
};

int RunBackup(const BackupOptions& options);
int RunRestore(const BackupOptions& options);

}  // namespace turnout::manager

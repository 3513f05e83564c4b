// `turnout rollback`: has running routers go back to the rule set that was in force before, or to
// one by its hash, or go on with what their origin has.
//
// A name with several addresses, as a headless service has, stands for all routers behind it. What
// they would go back to is asked first: nothing is changed where they disagree or one is silent. A
// token goes by https only, but for this machine.
//
// Threads: one.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace turnout::runtime {

struct RollbackOptions {
  std::vector<std::string> admins;  // host:port or https://host:port of admin APIs
  std::string to;                   // a rule set's hash; empty: the one before
  bool resumes = false;
  std::string token_file;  // empty: none
  std::string ca_file;     // of the authorities of https; empty: the system's
};

// The exit status: 0 all did, 1 some did not, 2 bad usage.
int RunRollback(const RollbackOptions& options, std::FILE* out, std::FILE* err);

}  // namespace turnout::runtime

// `turnout rules`: a config manager's items from the command line: what there is, what it says,
// changing it, comparing, searching, replacing in bulk, going back.
//
// Whatever would change something says first what that means: rules added, removed, widened; the
// teams' own tests; every problem with its line. `put` does it then; `replace`, `rollback` and
// `import`, which touch many items, only with `yes`, and only what was shown.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "deploy/manager/manager_client.h"

namespace turnout::manager {

struct RulesOptions {
  std::string verb;  // ls, get, put, diff, search, replace, rollback, export, import
  std::vector<std::string> operands;  // what follows it
  ManagerAddress manager;
  std::string service;
  // Of items that are listed, or named without one: empty is rules. Where things are looked for:
  // empty is everywhere.
  std::string kind;
  std::string type;            // of a config value; empty: as it is, else string
  std::vector<std::string> bound_to;  // of a secret; empty: as it is
  std::string why;
  int64_t version = 0;  // of get and diff; that was seen, of put; 0: the newest
  int64_t to = 0;       // of diff and rollback
  bool is_regex = false;
  bool ignores_case = false;
  std::vector<std::string> in;  // names, texts, patterns, destinations
  std::string team;
  bool deletes_missing = false;  // import: items that have no file
  bool dry_run = false;
  bool yes = false;
  bool json = false;  // what the manager answers, as it is
};

// The exit status: 0 done; 1 the manager doesn't answer, or something has changed meanwhile; 2 for
// what whoever asks has to mend: usage, a file that routers would not take, a right that is
// missing.
int RunRules(const RulesOptions& options, std::FILE* in, std::FILE* out, std::FILE* err);

}  // namespace turnout::manager

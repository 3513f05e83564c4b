// dlq: what lies in the dead-letter topic, or is parked for a table's key; and puts it back.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace turnout::runtime {

struct DlqOptions {
  std::string verb;  // ls, show, redrive
  std::string config_path;
  std::vector<std::string> overrides;  // of `--set`
  bool parking = false;
  bool json = false;
  std::string rule;
  std::string kind;
  std::string reason;
  std::string since;
  std::string until;
  uint64_t limit = 20;   // of show
  int64_t rate = 1'000;  // of redrive, events a second; 0: as fast as it goes
  bool dry_run = false;
  std::string before;    // of redrive: `0:12,3:40`
  std::string progress;  // of redrive: json
};

// Exit status: 0; 1 where brokers don't answer, or it was stopped; 2 for what whoever asks has to
// mend: the config, the usage, a topic that is missing or not granted.
int RunDlq(const DlqOptions& options, std::FILE* out, std::FILE* err);

}  // namespace turnout::runtime

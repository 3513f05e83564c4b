// diff: what two versions of the rules make of the same events.
//
// Events come from a file, from a range of the pipeline's source, or from what comes into it from
// now on. Nothing is sent and no offset is committed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace turnout::runtime {

struct DiffOptions {
  std::string from;         // rule files: the old ones, ...
  std::string to;           // ... and the new ones
  std::string config_path;  // empty: the limits and settings by default; then events_path is set
  std::vector<std::string> overrides;
  std::string events_path;  // a file or `-`; empty: the config's source
  // Of the source: as in topic_range.h; or from now on for so long.
  std::string since;
  std::string until;
  std::optional<absl::Duration> tail;
  int64_t events_max = 0;  // 0: any
  size_t samples_max = 3;  // of each kind of difference and rule
  bool json = false;
};

// Answers the exit status: 0, 1 where they differ, 2 when something is refused or there was no
// event to compare them with.
int RunDiff(const DiffOptions& options);

}  // namespace turnout::runtime

// ProcessFacts: what the kernel says of this process, read from /proc when somebody asks.
//
// Units: as the names say. A fact that can't be read is 0.
#pragma once

#include <cstdint>

namespace turnout::runtime {

struct ProcessFacts {
  double cpu_seconds = 0;         // user and system
  double start_time_seconds = 0;  // Unix time
  int64_t resident_bytes = 0;
  int64_t virtual_bytes = 0;
  int64_t threads = 0;
  int64_t open_fds = 0;
  int64_t fds_max = 0;  // 0: no limit
};

ProcessFacts ReadProcessFacts();

}  // namespace turnout::runtime

// LogLimiter: how many lines of one kind are let through a second, and how many were not.
//
// A second begins with the first line of a kind that comes after its last one was over.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "runtime/log_line.h"

namespace turnout::runtime {

class LogLimiter {
 public:
  // Kinds counted apart. Event names are literals, so there are never so many; beyond it all
  // further ones share one count.
  static constexpr size_t kKindsMax = 1000;

  struct Dropped {
    std::string event;
    LogLevel level = LogLevel::kInfo;  // the gravest of them
    int64_t lines = 0;
  };

  explicit LogLimiter(int lines_per_second_max) : lines_max_(lines_per_second_max) {}

  // Whether a line of this kind is to be shown at `now`.
  bool Admit(std::string_view event, LogLevel level, absl::Time now);

  // What was dropped in seconds that are over at `now`; said once, sorted by name.
  std::vector<Dropped> Over(absl::Time now);

  // True while a dropped line has not been told by Over.
  bool pending() const { return pending_; }

 private:
  struct Kind {
    absl::Time begin = absl::InfinitePast();
    int shown = 0;
    int64_t dropped = 0;
    LogLevel level = LogLevel::kDebug;
  };

  const int lines_max_;
  bool pending_ = false;
  absl::flat_hash_map<std::string, Kind> kinds_;
};

}  // namespace turnout::runtime

// RunProgram: another program, run to its end, with bounds on its time and on what it prints.
//
// It gets no shell, no signal mask, no open file and no variable of this process, but those that it
// is given; its process group is ended where it takes too long, or prints too much.
//
// Errors: NotFound if there is no such program; DeadlineExceeded if it took too long, or had to
//   stop; ResourceExhausted if it printed too much. What it answers itself is in its exit status.
// Threads: any; calls block.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace turnout::manager {

struct Program {
  std::vector<std::string> words;        // the first is found by PATH
  std::vector<std::string> environment;  // NAME=VALUE
  std::string_view input;
  absl::Duration timeout = absl::Minutes(1);
  size_t output_bytes_max = 1u << 20;
  const std::atomic<bool>* stop = nullptr;  // once true it is ended soon
};

struct ProgramEnd {
  int exit_status = 0;  // of one that a signal ended 128 and more
  std::string out;
  std::string err;
};

absl::StatusOr<ProgramEnd> RunProgram(const Program& program);

}  // namespace turnout::manager

// bench_match_count: matches a workload's first events once, for callgrind to count instructions.
//
//   bench_match_count DIRECTORY EVENTS
//
// Reads, builds, checks the answers and warms up uncounted; then every event once, counted. Prints
// the number of events and matches as one line of JSON. Outside of valgrind the requests to it are
// instructions that do nothing.

#include <valgrind/callgrind.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "bench/workload.h"

int main(int argc, char** argv) {
  using namespace turnout;
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench_match_count DIRECTORY EVENTS\n");
    return 2;
  }
  const bench::Workload workload(argv[1], std::strtoul(argv[2], nullptr, 10));
  if (const std::string difference = workload.Difference(); !difference.empty()) {
    std::fprintf(stderr, "error: %s\n", difference.c_str());
    return 1;
  }
  const router::Matcher& matcher = workload.rules().matcher();
  const std::unique_ptr<router::Matcher::Scratch> scratch = matcher.NewScratch();
  bench::MatchAll(matcher, workload.events(), scratch.get());
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  const size_t matches = bench::MatchAll(matcher, workload.events(), scratch.get());
  CALLGRIND_STOP_INSTRUMENTATION;
  std::printf("{\"events\": %zu, \"matches\": %zu}\n", workload.events().size(), matches);
  return 0;
}

// bench_match_time: what an event costs to match, workload by workload (Google Benchmark).
//
//   bench_match_time [--benchmark_...] DIRECTORY...
//
// The directories are bench/workloads'. Each answered event is checked before anything is timed; a
// wrong answer is reported in place of a figure, and the exit status is 1. Time is the thread's CPU
// time; an iteration is all events of the workload once. Counters, in seconds: per_event, and
// per_match where an event has at least a hundred; and matches, an event.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "bench/workload.h"

namespace turnout::bench {
namespace {

constexpr size_t kEventsMax = 10'000;
constexpr double kMatchesShown = 100;

bool any_wrong = false;

// The workload of `directory`, which replaces the one before: a hundred thousand rules at a time
// are enough. It is loaded and checked once, though its benchmark is called until it knows how long
// a run takes.
const Workload& Loaded(const std::string& directory, std::string* difference) {
  static std::unique_ptr<const Workload> workload;
  static std::string loaded;
  static std::string found;
  if (loaded != directory) {
    workload.reset();
    workload = std::make_unique<const Workload>(directory, kEventsMax);
    loaded = directory;
    found = workload->Difference();
  }
  *difference = found;
  return *workload;
}

void Time(benchmark::State& state, const std::string& directory) {
  std::string difference;
  const Workload& workload = Loaded(directory, &difference);
  if (!difference.empty()) {
    any_wrong = true;
    state.SkipWithError(difference.c_str());
    return;
  }
  const router::Matcher& matcher = workload.rules().matcher();
  const std::unique_ptr<router::Matcher::Scratch> scratch = matcher.NewScratch();
  size_t matches = MatchAll(matcher, workload.events(), scratch.get());
  for (auto _ : state) {
    matches = MatchAll(matcher, workload.events(), scratch.get());
    benchmark::DoNotOptimize(matches);
  }
  using benchmark::Counter;
  const auto events = static_cast<double>(workload.events().size());
  const auto found = static_cast<double>(matches);
  const auto seconds = Counter::kIsIterationInvariantRate | Counter::kInvert;
  state.counters["per_event"] = Counter(events, seconds);
  state.counters["matches"] = found / events;
  if (found / events >= kMatchesShown) state.counters["per_match"] = Counter(found, seconds);
}

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_match_time [--benchmark_...] DIRECTORY...\n");
    return 2;
  }
  for (int i = 1; i < argc; ++i) {
    const std::string directory = argv[i];
    const std::string name = std::filesystem::path(directory).filename();
    benchmark::RegisterBenchmark(name.c_str(), [directory](benchmark::State& state) {
      Time(state, directory);
    })->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return any_wrong ? 1 : 0;
}

}  // namespace
}  // namespace turnout::bench

int main(int argc, char** argv) { return turnout::bench::Main(argc, argv); }

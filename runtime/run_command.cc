#include "runtime/run_command.h"

#include <malloc.h>
#include <signal.h>

#include <cstdio>
#include <optional>

#include "absl/strings/str_cat.h"
#include "runtime/exit_status.h"
#include "runtime/load_config.h"
#include "runtime/log.h"
#include "runtime/process.h"
#include "runtime/stop_signals.h"

namespace turnout::runtime {
namespace {

// What a stop may take beyond limits.shutdown_timeout: with its default the process is gone within
// 5 seconds. What was not committed by then is redone by whoever takes over.
constexpr absl::Duration kStopReserve = absl::Milliseconds(700);

// What the Kafka client takes and frees with every fetch stays the process's: given back to the
// system each time, it came back as page faults, a tenth of all CPU time of a drain.
void KeepFreedMemory() {
  constexpr int kMappedBytesMin = 32 << 20;
  constexpr int kHeapKeptBytesMax = 64 << 20;  // a heap
  ::mallopt(M_MMAP_THRESHOLD, kMappedBytesMin);
  ::mallopt(M_TRIM_THRESHOLD, kHeapKeptBytesMax);
}

}  // namespace

int RunPipeline(const RunOptions& options) {
  KeepFreedMemory();
  // Before any thread exists, so that all of them inherit it; and before the config is read, so
  // that a stop that comes meanwhile waits for StopSignals and ends in status 0 too. To print a
  // config there is nothing to stop.
  if (!options.print_config) StopSignals::Block();
  const std::optional<LoadedConfig> loaded =
      LoadConfig(options.config_path, {.embedded = options.embedded, .values = options.overrides});
  if (!loaded) return kExitRefused;
  if (options.print_config) {
    std::fputs(PrintedConfig(*loaded).c_str(), stdout);
    return kExitOk;
  }
  ::signal(SIGPIPE, SIG_IGN);
  const Config& config = loaded->config;
  StartLog({.json = config.log.json,
            .level = config.log.level,
            .lines_per_second_max = config.log.lines_per_second_max});
  Process process({.config = config, .embedded = options.embedded});
  const absl::Status started = process.Start();
  if (!started.ok()) return ExitStatus(started);
  // A signal that came meanwhile is still pending and is taken now.
  const StopSignals stop_signals([&process] { process.RequestStop(); },
                                 config.limits.shutdown_timeout + kStopReserve,
                                 [&process] { process.RequestReload(); });
  if (options.embedded) {
    LogInfo("embedded_kafka",
            absl::StrCat("a Kafka of this process's own takes events: kcat -b ",
                         process.bootstrap_servers(), " -t ", config.topic, " -P"),
            {{"address", process.bootstrap_servers()}});
  }
  const absl::Status ended = process.Wait();
  if (ended.ok()) LogInfo("stopped", "whoever takes over goes on after the last commit");
  return ExitStatus(ended);
}

}  // namespace turnout::runtime

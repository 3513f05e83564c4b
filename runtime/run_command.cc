#include "runtime/run_command.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/config.h"
#include "runtime/log.h"
#include "runtime/process.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {
namespace {

constexpr int kExitStopped = 0;
constexpr int kExitFailed = 1;
constexpr int kExitRefused = 2;

// After a stop was asked for, the process is gone within 5 seconds; what was not committed by then
// is redone by whoever takes over.
constexpr timespec kStopDeadline = {4, 700'000'000};
// Signals that follow the first within this time are the same request: timeout(1) and terminals
// send one to the process and another to its group.
constexpr absl::Duration kSameRequest = absl::Milliseconds(100);

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// Waits for the stop signals on a thread of its own while it lives.
class SignalThread {
 public:
  explicit SignalThread(Process* process) : process_(process), thread_([this] { Run(); }) {}
  ~SignalThread() {
    ended_ = true;
    ::pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }

 private:
  void Run() {
    const sigset_t signals = StopSignals();
    int signal = 0;
    ::sigwait(&signals, &signal);
    if (ended_) return;
    process_->RequestStop();
    absl::SleepFor(kSameRequest);
    const timespec at_once = {0, 0};
    while (::sigtimedwait(&signals, nullptr, &at_once) > 0) {
    }
    if (ended_) return;  // the destructor's signal may have been among them
    int second = 0;
    do {
      second = ::sigtimedwait(&signals, nullptr, &kStopDeadline);
    } while (second < 0 && errno == EINTR);
    if (ended_) return;
    if (second > 0) ::_exit(128 + second);
    LogWarning("stop_cut_short", "the stop took too long; what was not committed will be redone");
    ::_exit(kExitStopped);
  }

  Process* const process_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

std::optional<LoadedConfig> Load(const RunOptions& options) {
  const std::string& path = options.config_path;
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) {
    std::fprintf(stderr, "%s: can't be read (name a pipeline.yaml with --config)\n", path.c_str());
    return std::nullopt;
  }
  std::vector<router::Problem> problems;
  std::optional<LoadedConfig> loaded =
      ReadConfig(path, text, RealEnvironment(), &problems,
                 {.embedded = options.embedded, .values = options.overrides});
  for (const router::Problem& problem : problems) {
    std::fprintf(stderr, "%s\n", FormatProblem(path, problem).c_str());
  }
  return loaded;
}

int ExitStatus(const absl::Status& status) {
  if (status.ok()) return kExitStopped;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kExitRefused : kExitFailed;
}

}  // namespace

int RunPipeline(const RunOptions& options) {
  const std::optional<LoadedConfig> loaded = Load(options);
  if (!loaded) return kExitRefused;
  if (options.print_config) {
    std::fputs(PrintedConfig(*loaded).c_str(), stdout);
    return kExitStopped;
  }
  // Before any thread exists, so that all of them inherit it.
  const sigset_t signals = StopSignals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  const Config& config = loaded->config;
  for (const std::string& secret : loaded->secrets) HideInLog(secret);
  StartLog({.json = config.log.json,
            .level = config.log.level,
            .lines_per_second_max = config.log.lines_per_second_max});
  Process process({.config = config, .embedded = options.embedded});
  const absl::Status started = process.Start();
  if (!started.ok()) return ExitStatus(started);
  // A signal that came meanwhile is still pending and is taken now.
  SignalThread signal_thread(&process);
  const absl::Status ended = process.Wait();
  if (ended.ok()) LogInfo("stopped", "what was not committed is redone by whoever takes over");
  return ExitStatus(ended);
}

}  // namespace turnout::runtime

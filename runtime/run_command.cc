#include "runtime/run_command.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
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

// What a stop may take beyond limits.shutdown_timeout: with its default the process is gone within
// 5 seconds. What was not committed by then is redone by whoever takes over.
constexpr absl::Duration kStopReserve = absl::Milliseconds(700);
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
  SignalThread(Process* process, absl::Duration stop_timeout)
      : process_(process), stop_timeout_(stop_timeout), thread_([this] { Run(); }) {}
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
    const timespec deadline = absl::ToTimespec(stop_timeout_);
    int second = 0;
    do {
      second = ::sigtimedwait(&signals, nullptr, &deadline);
    } while (second < 0 && errno == EINTR);
    if (ended_) return;
    if (second > 0) ::_exit(128 + second);
    LogWarning("stop_cut_short", "the stop took too long; what was not committed will be redone");
    ::_exit(kExitStopped);
  }

  Process* const process_;
  const absl::Duration stop_timeout_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

std::optional<LoadedConfig> Load(const RunOptions& options) {
  const std::string& path = options.config_path;
  const absl::StatusOr<std::string> text = ReadConfigFile(path);
  if (!text.ok()) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), std::string(text.status().message()).c_str());
    return std::nullopt;
  }
  ConfigEnvironment environment = RealEnvironment();
  environment.on_secret = HideInLog;
  std::vector<router::Problem> problems;
  std::optional<LoadedConfig> loaded =
      ReadConfig(path, *text, environment, &problems,
                 {.embedded = options.embedded, .values = options.overrides});
  for (router::Problem& problem : problems) {
    // Before it is formatted: that escapes what a secret may hold.
    problem.what = WithoutSecrets(problem.what);
    problem.cure = WithoutSecrets(problem.cure);
    std::fprintf(stderr, "%s\n", FormatProblem(path, problem).c_str());
  }
  return loaded;
}

int ExitStatus(const absl::Status& status) {
  if (status.ok()) return kExitStopped;
  const absl::string_view why = status.message();
  std::fprintf(stderr, "%s\n", WithoutSecrets({why.data(), why.size()}).c_str());
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
  StartLog({.json = config.log.json,
            .level = config.log.level,
            .lines_per_second_max = config.log.lines_per_second_max});
  Process process({.config = config, .embedded = options.embedded});
  const absl::Status started = process.Start();
  if (!started.ok()) return ExitStatus(started);
  // A signal that came meanwhile is still pending and is taken now.
  SignalThread signal_thread(&process, config.limits.shutdown_timeout + kStopReserve);
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

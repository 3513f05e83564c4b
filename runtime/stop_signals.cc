#include "runtime/stop_signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "absl/time/clock.h"
#include "runtime/log.h"

namespace turnout::runtime {
namespace {

constexpr absl::Duration kSameRequest = absl::Milliseconds(100);

sigset_t StopRequests() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

sigset_t Requests() {
  sigset_t signals = StopRequests();
  sigaddset(&signals, SIGHUP);
  return signals;
}

}  // namespace

void StopSignals::Block() {
  const sigset_t signals = Requests();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

StopSignals::StopSignals(std::function<void()> on_stop, absl::Duration stop_timeout,
                         std::function<void()> on_reload, int status_cut_short)
    : on_stop_(std::move(on_stop)),
      stop_timeout_(stop_timeout),
      on_reload_(std::move(on_reload)),
      status_cut_short_(status_cut_short),
      thread_([this] { Run(); }) {}

StopSignals::~StopSignals() {
  ended_ = true;
  ::pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void StopSignals::Run() {
  const sigset_t requests = Requests();
  int signal = 0;
  while (::sigwait(&requests, &signal) == 0 && signal == SIGHUP) on_reload_();
  if (ended_) return;
  on_stop_();
  const sigset_t signals = StopRequests();
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
  ::_exit(status_cut_short_);
}

}  // namespace turnout::runtime

// StopSignals: what SIGTERM and SIGINT do to a process that is asked to end, and SIGHUP to one that
// is asked to look at its rule files.
//
// The first asks for the end; those that follow within 100 ms are the same request, since
// timeout(1) and terminals send one to the process and another to its group. A later one ends the
// process at once, with 128 + its number. A stop that takes longer than it may is cut short, with
// `status_cut_short`: what was not committed by then is redone by whoever takes over.
//
// Threads: Block on the main thread before any other is started, which inherits it. `on_stop` is
//   called on a thread of this object's own, once; `on_reload` there too, before it.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "absl/time/time.h"

namespace turnout::runtime {

class StopSignals {
 public:
  // The signals wait until a StopSignals takes them.
  static void Block();

  StopSignals(
      std::function<void()> on_stop, absl::Duration stop_timeout,
      std::function<void()> on_reload = [] {}, int status_cut_short = 0);
  // The stop is over in time, or none was asked for.
  ~StopSignals();

  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

 private:
  void Run();

  const std::function<void()> on_stop_;
  const absl::Duration stop_timeout_;
  const std::function<void()> on_reload_;
  const int status_cut_short_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace turnout::runtime

// RouterPulse: tells the config manager every few seconds how the router is (pulse_json.h), and, if
// the answer asks for them, shows a few events with the next one, at once.
//
// A thread of its own does all of it from what others have counted anyway: routing waits for none
// of it, and an event costs nothing more. Events are read from the brokers, when they are asked for
// (event_sample.h). While the manager doesn't take it, pauses grow to kPauseMax.
//
// Errors: those of `send`, said once in the log.
// Threads: its own. The destructor waits for the sending at hand to be given up.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace turnout::runtime {

struct RouterPulseParts {
  // What to tell; `sample` is a JSON array, or empty.
  std::function<std::string(std::string_view sample)> pulse;
  // Tells it; answers how many events are asked for. Gives up soon after `stop` has become true.
  std::function<absl::StatusOr<size_t>(const std::string& pulse, const std::atomic<bool>& stop)>
      send;
  // So many events, as a JSON array; null: none are ever shown.
  std::function<absl::StatusOr<std::string>(size_t events)> sample;
};

class RouterPulse {
 public:
  static constexpr absl::Duration kEvery = absl::Seconds(5);
  static constexpr absl::Duration kPauseMax = absl::Minutes(1);
  static constexpr size_t kEventsMax = 20;

  explicit RouterPulse(RouterPulseParts parts, absl::Duration every = kEvery);
  ~RouterPulse();

 private:
  void Run();
  std::string Sample(size_t events);
  void Tell(const absl::Status& sent);
  void Pause(absl::Duration pause);

  const RouterPulseParts parts_;
  const absl::Duration every_;
  std::atomic<bool> stop_{false};
  std::string problem_;  // as last said; the thread's
  absl::Mutex mu_;       // wakes who pauses
  std::thread thread_;
};

// How many events such an answer asks for: {"sample": N}.
size_t EventsAskedFor(std::string_view answer);

}  // namespace turnout::runtime

#include "runtime/router_pulse.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "connectors/steady_clock.h"
#include "router/document.h"
#include "runtime/log.h"

namespace turnout::runtime {

RouterPulse::RouterPulse(RouterPulseParts parts, absl::Duration every)
    : parts_(std::move(parts)), every_(every) {
  thread_ = std::thread([this] { Run(); });
}

RouterPulse::~RouterPulse() {
  stop_ = true;
  {
    absl::MutexLock lock(&mu_);  // wakes who pauses
  }
  thread_.join();
}

void RouterPulse::Run() {
  absl::Duration pause = every_;
  std::string sample;
  while (!stop_) {
    const absl::StatusOr<size_t> wanted =
        parts_.send(parts_.pulse(std::exchange(sample, std::string())), stop_);
    if (stop_) return;
    Tell(wanted.status());
    pause = wanted.ok() ? every_ : std::min(pause * 2, kPauseMax);
    if (wanted.ok() && *wanted > 0 && parts_.sample != nullptr) {
      sample = Sample(std::min(*wanted, kEventsMax));
      if (!sample.empty()) continue;
    }
    Pause(pause);
  }
}

// Empty: there is none to show now.
std::string RouterPulse::Sample(size_t events) {
  absl::StatusOr<std::string> sample = parts_.sample(events);
  if (sample.ok()) return *sample == "[]" ? "" : *std::move(sample);
  LogWarning("sample", absl::StrCat("events that the config manager asks for can't be read: ",
                                    sample.status().message()));
  return "";
}

void RouterPulse::Tell(const absl::Status& sent) {
  const std::string problem(sent.message());
  if (problem == problem_) return;
  problem_ = problem;
  if (problem.empty()) {
    LogInfo("pulse", "the config manager is told how this router is again");
  } else {
    LogWarning("pulse",
               absl::StrCat("the config manager can't be told how this router is: ", problem,
                            " (routing goes on; its page shows the pod as silent)"));
  }
}

void RouterPulse::Pause(absl::Duration pause) {
  absl::MutexLock lock(&mu_);
  const auto is_stopped = [this] { return stop_.load(); };
  connectors::AwaitSteadily(&mu_, absl::Condition(&is_stopped), pause);
}

size_t EventsAskedFor(std::string_view answer) {
  std::vector<router::Problem> problems;
  const std::optional<router::Node> node = router::ParseJson(answer, &problems);
  const router::Node* const sample = node ? node->Find("sample") : nullptr;
  size_t events = 0;
  return sample != nullptr && absl::SimpleAtoi(sample->text, &events) ? events : 0;
}

}  // namespace turnout::runtime

// RuleReporter: tells whoever publishes the rules what became of them here: taken, standing aside,
// or refused with the reasons.
//
// A thread sends the newest report until it is taken, with pauses that grow to kPauseMax; one that
// is overtaken by a newer one is not sent any more. Routing waits for none of it.
//
// Errors: those of `send`, kept in status() and said once in the log.
// Threads: any. The destructor waits for the sending at hand to be given up.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace turnout::runtime {

struct RuleReportStatus {
  std::string to;       // where reports go; empty: nowhere
  std::string problem;  // of the last try; empty: none
  absl::Time last_sent = absl::InfinitePast();
  uint64_t failures = 0;  // tries that failed
};

class RuleReporter {
 public:
  static constexpr absl::Duration kPauseMin = absl::Milliseconds(250);
  static constexpr absl::Duration kPauseMax = absl::Seconds(30);

  // Sends one report, a JSON text. Gives up soon after `stop` has become true.
  using Send =
      std::function<absl::Status(const std::string& report, const std::atomic<bool>& stop)>;

  RuleReporter(std::string to, Send send);
  ~RuleReporter();

  void Tell(std::string report);
  RuleReportStatus status() const;

 private:
  void Run();
  void Told(const std::string& report, const absl::Status& sent);

  const Send send_;
  std::atomic<bool> stop_{false};
  mutable absl::Mutex mu_;
  std::optional<std::string> report_ ABSL_GUARDED_BY(mu_);  // the newest, until it is sent
  RuleReportStatus status_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace turnout::runtime

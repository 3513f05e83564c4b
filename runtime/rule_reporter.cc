#include "runtime/rule_reporter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "connectors/steady_clock.h"
#include "runtime/log.h"

namespace turnout::runtime {

RuleReporter::RuleReporter(std::string to, Send send) : send_(std::move(send)) {
  status_.to = std::move(to);
  thread_ = std::thread([this] { Run(); });
}

RuleReporter::~RuleReporter() {
  stop_ = true;
  {
    absl::MutexLock lock(&mu_);  // wakes who waits
  }
  thread_.join();
}

void RuleReporter::Tell(std::string report) {
  absl::MutexLock lock(&mu_);
  report_ = std::move(report);
}

RuleReportStatus RuleReporter::status() const {
  absl::MutexLock lock(&mu_);
  return status_;
}

void RuleReporter::Run() {
  absl::Duration pause = kPauseMin;
  for (;;) {
    std::string report;
    {
      absl::MutexLock lock(&mu_);
      const auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return stop_ || report_.has_value();
      };
      mu_.Await(absl::Condition(&has_work));
      if (stop_) return;
      report = *report_;
    }
    const absl::Status sent = send_(report, stop_);
    if (stop_) return;
    Told(report, sent);
    if (sent.ok()) {
      pause = kPauseMin;
      continue;
    }
    absl::MutexLock lock(&mu_);
    const auto is_overtaken = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return stop_ || report_ != report;
    };
    connectors::AwaitSteadily(&mu_, absl::Condition(&is_overtaken), pause);
    pause = std::min(pause * 2, kPauseMax);
  }
}

void RuleReporter::Told(const std::string& report, const absl::Status& sent) {
  absl::MutexLock lock(&mu_);
  if (sent.ok()) {
    if (report_ == report) report_.reset();
    status_.last_sent = absl::Now();
  } else {
    ++status_.failures;
  }
  const std::string problem(sent.message());
  if (problem == status_.problem) return;
  status_.problem = problem;
  if (problem.empty()) {
    LogInfo("rules_report",
            absl::StrCat("what became of the rules here is told to ", status_.to, " again"));
  } else {
    LogWarning("rules_report", absl::StrCat("what became of the rules here can't be told to ",
                                            status_.to, ": ", problem));
  }
}

}  // namespace turnout::runtime

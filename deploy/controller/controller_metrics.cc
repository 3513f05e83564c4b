#include "deploy/controller/controller_metrics.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace turnout::controller {
namespace {

void Head(const char* name, const char* help, const char* kind, std::string* to) {
  absl::StrAppendFormat(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

void Add(const char* name, const char* help, const char* kind, int64_t value, std::string* to) {
  Head(name, help, kind, to);
  absl::StrAppendFormat(to, "%s %d\n", name, value);
}

}  // namespace

void ControllerMetrics::OnReconciled(const absl::Status& status, absl::Duration took) {
  const double seconds = absl::ToDoubleSeconds(took);
  const auto bound = std::lower_bound(kDurationBounds.begin(), kDurationBounds.end(), seconds);
  const absl::MutexLock lock(&mutex_);
  ++(status.ok() ? succeeded_ : failed_);
  seconds_ += seconds;
  ++buckets_[static_cast<size_t>(bound - kDurationBounds.begin())];
}

std::string ControllerMetrics::Text(const ControllerFigures& figures) const {
  std::string text;
  {
    const absl::MutexLock lock(&mutex_);
    const char* const reconciles = "turnout_controller_reconciles_total";
    Head(reconciles, "Times that a router was looked at.", "counter", &text);
    absl::StrAppendFormat(&text, "%s{outcome=\"succeeded\"} %d\n%s{outcome=\"failed\"} %d\n",
                          reconciles, succeeded_, reconciles, failed_);
    const char* const duration = "turnout_controller_reconcile_seconds";
    Head(duration, "How long that took.", "histogram", &text);
    int64_t count = 0;
    for (size_t i = 0; i < kDurationBounds.size(); ++i) {
      count += buckets_[i];
      absl::StrAppendFormat(&text, "%s_bucket{le=\"%g\"} %d\n", duration, kDurationBounds[i],
                            count);
    }
    count += buckets_.back();
    absl::StrAppendFormat(&text, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %g\n%s_count %d\n", duration,
                          count, duration, seconds_, duration, count);
  }
  Add("turnout_controller_leader", "1 if this process holds the lease, so acts.", "gauge",
      figures.is_leader ? 1 : 0, &text);
  Add("turnout_controller_queue_depth", "Routers that wait to be looked at, or are.", "gauge",
      static_cast<int64_t>(figures.queue_depth), &text);
  Add("turnout_controller_routers", "EventRouters that are there.", "gauge",
      static_cast<int64_t>(figures.routers), &text);
  Add("turnout_controller_lists_total", "Collections that were listed whole.", "counter",
      figures.watches.lists, &text);
  Add("turnout_controller_watch_failures_total", "Lists and watches that did not end well.",
      "counter", figures.watches.failures, &text);
  Add("turnout_controller_applied_total", "Objects that were applied.", "counter",
      figures.carried.applied, &text);
  Add("turnout_controller_removed_total", "Objects that were removed.", "counter",
      figures.carried.removed, &text);
  Add("turnout_controller_events_lost_total", "Events that could not be written.", "counter",
      figures.carried.events_lost, &text);
  return text;
}

}  // namespace turnout::controller

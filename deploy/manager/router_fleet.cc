#include "deploy/manager/router_fleet.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "deploy/manager/json_reader.h"
#include "deploy/manager/json_writer.h"

namespace turnout::manager {
namespace {

constexpr char kTimeFormat[] = "%Y-%m-%dT%H:%M:%E3SZ";
constexpr size_t kEtagBytesMax = 200;
constexpr size_t kInstanceBytesMax = 200;

bool IsInstance(std::string_view name) { return !name.empty() && name.size() <= kInstanceBytesMax; }

std::string Shown(absl::Time time) {
  return absl::FormatTime(kTimeFormat, time, absl::UTCTimeZone());
}

}  // namespace

RouterFleet::Router& RouterFleet::Heard(const std::string& service, const std::string& instance,
                                        absl::Time now) {
  auto& all = routers_[service];
  if (all.size() >= kRoutersMax && !all.contains(instance)) {
    all.erase(std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return a.second.last_seen < b.second.last_seen;
    }));
  }
  Router& router = all[instance];
  router.last_seen = now;
  return router;
}

void RouterFleet::Asked(const std::string& service, const std::string& instance,
                        std::string_view etag, absl::Time now) {
  if (!IsInstance(instance)) return;  // one without a name is served all the same
  const absl::MutexLock lock(&mu_);
  Heard(service, instance, now).asks_with = std::string(etag.substr(0, kEtagBytesMax));
}

absl::Status RouterFleet::Reported(const std::string& service, std::string_view report,
                                   absl::Time now) {
  if (report.size() > kReportBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the report is larger than ", kReportBytesMax, " bytes"));
  }
  JsonReader reader(report, "the report");
  const std::string instance = reader.Text("instance");
  const std::string version = reader.Text("version");
  const bool is_ok = reader.Flag("ok", false);
  if (!reader.Has("ok")) return absl::InvalidArgumentError("the report: `ok` is to be there");
  if (!reader.status().ok()) return reader.status();
  if (!IsInstance(instance)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the report: `instance` is to be 1 to ", kInstanceBytesMax, " bytes"));
  }
  const absl::MutexLock lock(&mu_);
  Router& router = Heard(service, instance, now);
  router.version = version.substr(0, kEtagBytesMax);
  router.is_ok = is_ok;
  router.report = std::string(report);
  router.reported_at = now;
  return absl::OkStatus();
}

std::string RouterFleet::ToJson(const std::string& service, const std::string& newest) const {
  const absl::MutexLock lock(&mu_);
  std::string list = "[";
  if (const auto found = routers_.find(service); found != routers_.end()) {
    list = JsonArray(found->second, [&newest](const auto& one) {
      const auto& [instance, router] = one;
      JsonObject json;
      json.Text("instance", instance)
          .Text("asks_with", router.asks_with)
          .Text("version", router.version)
          .Text("state", router.report.empty() ? "unknown"
                         : router.is_ok        ? "ack"
                                               : "nack")
          .Flag("is_newest", router.is_ok && !newest.empty() && router.version == newest)
          .Text("last_seen", Shown(router.last_seen));
      if (!router.report.empty()) {
        json.Text("reported_at", Shown(router.reported_at)).Json("report", router.report);
      }
      return json.Done();
    });
  } else {
    list += "]";
  }
  return JsonObject().Text("version", newest).Json("routers", list).Done();
}

}  // namespace turnout::manager

// RouterFleet: what is known of each service's routers: which version each runs, and since when it
// has not been heard of.
//
// A router is heard of when it asks for rules (with the ETag that it has) and when it reports what
// became of a version (runtime/README.md). A report is an ACK if all of the version is in force,
// else a NACK with its reasons. Kept in memory: after a restart of the manager a router shows with
// the version that it asks with until it reports again.
//
// Errors: InvalidArgument for a report that is none.
// Threads: any.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace turnout::manager {

// Of a service; of more the one that was heard of longest ago is forgotten.
inline constexpr size_t kRoutersMax = 10'000;
inline constexpr size_t kReportBytesMax = 256u << 10;

class RouterFleet {
 public:
  void Asked(const std::string& service, const std::string& instance, std::string_view etag,
             absl::Time now);
  absl::Status Reported(const std::string& service, std::string_view report, absl::Time now);

  // {"version": newest, "routers": [{"instance", "asks_with", "version", "state", "last_seen",
  // "report"}]}; the state is `ack`, `nack`, or `unknown` where nothing was reported; `is_newest`
  // says whether the newest version is in force there.
  std::string ToJson(const std::string& service, const std::string& newest) const;

 private:
  struct Router {
    std::string asks_with;
    std::string version;  // that the report is about
    bool is_ok = false;
    std::string report;  // JSON; empty: none came
    absl::Time last_seen;
    absl::Time reported_at;
  };
  Router& Heard(const std::string& service, const std::string& instance, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  std::map<std::string, std::map<std::string, Router>> routers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::manager

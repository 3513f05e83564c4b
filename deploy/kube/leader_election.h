// LeaderElection: which of several processes acts now, by a Lease of coordination.k8s.io.
//
// As client-go has it, so that others may contend for the same lease: its holder renews it every
// `retry_period`; others take it over once they have seen no renewal for `lease_duration`, or at
// once if it is nobody's. Each measures by its own clock since when the lease has stood as it
// does; times in the lease are for people, and never compared. Every write is of the version that
// was read, so of two who write at once one is refused. A holder that could not renew for
// `renew_deadline` no longer holds it, before any other may take it: what it began within the last
// moment may still arrive, which is why a call of the client may take no longer than
// kLeaseCallTimeout.
//
// Units: milliseconds of a clock that doesn't go back, of this process.
// Errors: those of KubeClient; Tick is to be called again.
// Threads: one for Tick and Release; holds and holder, any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "deploy/kube/kube_client.h"

namespace turnout::kube {

inline constexpr absl::Duration kLeaseCallTimeout = absl::Seconds(5);

struct LeaderTimes {
  // Longer: a leader that died is missed for longer.
  absl::Duration lease_duration = absl::Seconds(15);
  absl::Duration renew_deadline = absl::Seconds(10);  // less than lease_duration
  absl::Duration retry_period = absl::Seconds(2);     // between calls of Tick, about
};

struct LeaderOptions {
  std::string namespace_name;
  std::string lease;
  std::string identity;  // of this process, unlike all others'
  LeaderTimes times;
};

struct LeaderClocks {
  std::function<int64_t()> steady_ms;
  std::function<absl::Time()> now;  // for people
};

// What a Lease says.
struct LeaseRecord {
  std::string holder;  // empty: nobody
  std::string acquire_time;
  std::string renew_time;
  int64_t transitions = 0;

  bool operator==(const LeaseRecord&) const = default;
};

class LeaderElection {
 public:
  // The client outlives it.
  LeaderElection(KubeClient* client, LeaderOptions options, LeaderClocks clocks);

  // Looks at the lease, and takes or renews it if that is this process' to do.
  absl::Status Tick();

  // Gives it up, if it is this process': another takes it at its next look.
  absl::Status Release();

  bool holds() const { return clocks_.steady_ms() < holds_until_ms_.load(); }
  // Who holds it, as was seen last; empty: nobody, or not known.
  std::string holder() const;

 private:
  absl::Status Write(const LeaseRecord& record, const std::string& resource_version,
                     int64_t begin_ms);
  void Observe(const LeaseRecord& record);

  KubeClient* const client_;
  const LeaderOptions options_;
  const LeaderClocks clocks_;
  const std::string collection_;
  const std::string path_;
  std::atomic<int64_t> holds_until_ms_{0};

  // The thread's own.
  bool has_observed_ = false;
  int64_t observed_at_ms_ = 0;  // since when the record stands as it does

  mutable absl::Mutex mutex_;
  LeaseRecord observed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace turnout::kube

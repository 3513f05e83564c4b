// PlanCarrier: carries a plan out (decide.h) against the API server.
//
// In this order: finalizers, if there are more; objects, by server-side apply; the statuses;
// removals; the mark by which kubelets look at changed rules at once; finalizers, if there are
// fewer; events. All of it may be done twice, and is, whenever it was not done to its end.
// An object that could not be applied ends the applying, and nothing is removed after it; the
// statuses are written all the same, and an event says what the server answered. What has been
// applied, and has not changed since in the cluster, is not applied again.
//
// Before each write `may_write` is asked: whoever lost the lease stops there, as Aborted.
//
// Errors: the first one. Internal for a plan that asks for what no plan may: another namespace's
//   objects, kinds that are no children.
// Threads: any, for different routers at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "deploy/controller/controller_watches.h"
#include "deploy/kube/event_recorder.h"
#include "deploy/kube/kube_client.h"

namespace turnout::controller {

inline constexpr char kFieldManager[] = "turnout-controller";
inline constexpr size_t kAppliedKeptMax = 200'000;
inline constexpr absl::Duration kAgainMin = absl::Seconds(1);

struct CarryCounts {
  int64_t applied = 0;
  int64_t removed = 0;
  int64_t events_lost = 0;  // that could not be written
};

class PlanCarrier {
 public:
  // Both outlive it.
  PlanCarrier(kube::KubeClient* client, kube::EventRecorder* events,
              std::function<bool()> may_write);

  // `router` is the EventRouter that the plan is of; the others as Decide was shown them. Answers
  // after how long the router is to be looked at again.
  absl::StatusOr<absl::Duration> CarryOut(const std::string& plan, const kube::KubeObject& router,
                                          const ControllerWatches::Objects& routes,
                                          const ControllerWatches::Objects& children,
                                          const ControllerWatches::Objects& pods);

  // Says of routes that no such router is there.
  absl::Status TellUnrouted(const ControllerWatches::Objects& routes, const std::string& router,
                            absl::Time now);

  CarryCounts counts() const;

 private:
  struct Work;  // one plan's

  absl::Status Apply(Work* work);
  absl::Status ApplyOne(Work* work, const std::string& key, const std::string& text,
                        const std::string& path);
  absl::Status WriteStatuses(Work* work);
  absl::Status Remove(Work* work);
  absl::Status MarkRules(Work* work);
  absl::Status SetFinalizers(Work* work, bool more);
  void Tell(Work* work, const absl::Status& failure);
  absl::Status MayWrite() const;
  void Count(int64_t CarryCounts::*what);

  kube::KubeClient* const client_;
  kube::EventRecorder* const events_;
  const std::function<bool()> may_write_;

  mutable absl::Mutex mutex_;
  CarryCounts counts_ ABSL_GUARDED_BY(mutex_);
  // What an object was when it had been applied: the digest of what was, and its version then.
  absl::flat_hash_map<std::string, std::string> applied_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace turnout::controller

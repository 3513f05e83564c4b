// ControllerWatches: all that the controller follows in the cluster, by router.
//
// EventRouters, EventRoutes, pods, claims, and children of every kind in kChildKinds, found by
// their label. Kinds that somebody else's CustomResourceDefinition brings are looked for anew every
// kApisPeriod, and followed once they are there; nothing is synced before the first look. A router
// is "NAMESPACE/NAME" everywhere.
//
// Threads: any; `changed` is called on the watches' threads.
// Lifetime: the client outlives it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "deploy/kube/kube_client.h"
#include "deploy/kube/kube_watch.h"

namespace turnout::controller {

inline constexpr absl::Duration kApisPeriod = absl::Minutes(2);

// Of a kind that the controller reads or writes: those of kChildKinds, its own, pods and claims.
// Null: it is none of them.
const kube::KubeResource* FindResource(const std::string& api_version, const std::string& kind);

class ControllerWatches {
 public:
  using Objects = std::vector<kube::KubeWatch::ObjectPointer>;

  ControllerWatches(kube::KubeClient* client, std::function<void(const std::string&)> changed);
  ~ControllerWatches();

  // Whether everything was listed, before `within` has passed: of optional kinds, those that the
  // first look found.
  bool AwaitSynced(absl::Duration within) const;
  // It was once; a kind that comes later does not take that back.
  bool is_synced() const;

  // Looks for optional kinds, and follows those that have come. Who went is no longer known. What
  // is known of those that the server gave no answer about stays as it was. False: of some that is
  // for another reason than that it may not be asked, so asking again is worth it.
  bool LookForApis();
  // Those whose objects have been listed, as "keda.sh/v1alpha1/ScaledObject".
  std::vector<std::string> apis() const;

  // Those of EventRouters that are there, and of EventRoutes that name one.
  std::vector<std::string> routers() const;

  // EventRouters whose source is a topic of this name.
  Objects routers_of_topic(const std::string& topic) const;
  Objects routes(const std::string& router) const { return routes_->In(router); }
  Objects pods(const std::string& router) const { return pods_->In(router); }
  Objects claims(const std::string& router) const { return claims_->In(router); }
  Objects children(const std::string& router) const;
  size_t router_count() const { return routers_->size(); }
  kube::WatchCounts counts() const;  // of all watches

 private:
  std::unique_ptr<kube::KubeWatch> Follow(const kube::KubeResource& resource) const;
  std::vector<std::shared_ptr<kube::KubeWatch>> ChildWatches() const;
  // Names of what the server has of an API; of one that it does not know, none.
  absl::StatusOr<std::set<std::string>> ResourcesOf(const std::string& api_version);
  // Logs what is new.
  void TellOfApi(const std::string& api_version, const absl::Status& status);

  kube::KubeClient* const client_;
  const std::function<void(const std::string&)> changed_;
  mutable std::atomic<bool> was_synced_{false};
  std::unique_ptr<kube::KubeWatch> routers_, routes_, pods_, claims_;
  absl::Notification looked_for_apis_;
  mutable absl::Mutex mutex_;
  std::vector<std::shared_ptr<kube::KubeWatch>> children_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> apis_ ABSL_GUARDED_BY(mutex_);            // found, if not listed yet
  std::map<std::string, std::string> told_ ABSL_GUARDED_BY(mutex_);  // by API: why no answer
};

}  // namespace turnout::controller

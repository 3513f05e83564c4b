// ControllerLoop: makes what is in the cluster into what EventRouters ask for, again and again.
//
// Watches say which router something has changed of; the queue gives each to one of kWorkers, which
// reads the router anew, puts together what is known of it, asks its pods how they are, lets Decide
// say what is to be done, and does it. A router that failed waits and is looked at again; all are,
// every kResyncPeriod. Only who holds the lease acts; others follow along, and act on all routers
// as soon as they take it over.
//
//   watches --> queue --> worker: Get router -> AskPods -> decide -> PlanCarrier --> queue
//   lease ---> holds? ------'                                '---- may_write
//
// Errors: of a single router are logged, counted and tried again. Start: none that ends the loop.
// Threads: it starts one for the lease, one for optional kinds, kWorkers, and one a watch.
// Lifetime: the options' clients are its own. Stop ends all threads and lets go of the lease.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "deploy/controller/carry_out.h"
#include "deploy/controller/controller_metrics.h"
#include "deploy/controller/controller_options.h"
#include "deploy/controller/controller_watches.h"
#include "deploy/controller/pod_statuses.h"
#include "deploy/controller/reconcile_queue.h"
#include "deploy/kube/event_recorder.h"
#include "deploy/kube/kube_client.h"
#include "deploy/kube/leader_election.h"
#include "state/http_client.h"
#include "state/time_and_chance.h"

namespace turnout::controller {

inline constexpr int kWorkers = 4;
// Of the call that a worker makes: shorter than what is left of a lease once it can't be renewed.
inline constexpr absl::Duration kCallTimeout = absl::Seconds(5);

using DecideFunction = std::function<absl::StatusOr<std::string>(std::string_view observation)>;

struct LoopTimes {
  kube::LeaderTimes leader;
  QueueLimits queue;
  int pod_port = kPodPort;
};

class ControllerLoop {
 public:
  // `options` are complete. `decide` is called by several threads at once.
  ControllerLoop(ControllerOptions options, DecideFunction decide, LoopTimes times = {});
  ~ControllerLoop();

  void Start();
  // Ends what is at hand, each call at most kCallTimeout, and lets go of the lease.
  void Stop();

  // Once all is known and this process holds the lease, looks at each router once. The first
  // error; Unavailable if that was not within `within`, Cancelled if `stop` came before.
  absl::Status Once(absl::Duration within, const absl::Notification& stop);

  bool is_leader() const { return election_.holds(); }
  // All that it follows was listed; who stands by is ready, too.
  bool is_ready() const { return watches_ != nullptr && watches_->is_synced(); }
  std::string MetricsText() const;

 private:
  void RunElection();
  void RunApis();
  void RunWorker();
  void AddAll();
  absl::StatusOr<absl::Duration> Reconcile(const std::string& router);
  absl::StatusOr<absl::Duration> ReconcileNow(const std::string& router);

  const ControllerOptions options_;
  const DecideFunction decide_;
  const LoopTimes times_;
  const state::TimeAndChance time_;
  kube::KubeClient client_;
  kube::KubeClient lease_client_;
  state::HttpClient pods_http_;
  kube::LeaderElection election_;
  kube::EventRecorder events_;
  PlanCarrier carrier_;
  ReconcileQueue queue_;
  ControllerMetrics metrics_;
  std::unique_ptr<ControllerWatches> watches_;
  // Routers were left alone for want of the lease: it may be held anew before anybody has noticed
  // that it was not.
  std::atomic<bool> left_some_{false};
  absl::Notification stop_;
  std::vector<std::thread> threads_;
};

}  // namespace turnout::controller

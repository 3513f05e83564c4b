#include "deploy/controller/controller_loop.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "deploy/controller/observation.h"
#include "deploy/kube/kube_path.h"
#include "deploy/kube/kube_status.h"
#include "runtime/log.h"
#include "runtime/real_time.h"

namespace turnout::controller {
namespace {

constexpr absl::Duration kOnceLook = absl::Milliseconds(100);
constexpr absl::Duration kSyncLook = absl::Seconds(1);
constexpr char kReporter[] = "turnout.dev/controller";

int64_t SteadyMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

kube::KubeOptions WithTimeout(kube::KubeOptions options, absl::Duration timeout) {
  options.call_timeout = timeout;
  return options;
}

double Chance(const state::TimeAndChance& time) {
  return static_cast<double>(time.random() >> 11) / 9007199254740992.0;  // 2^53
}

// "NAMESPACE/NAME", as watches group by.
std::string PathOf(const std::string& router) {
  const size_t slash = router.find('/');
  return kube::KubePath(*FindResource("turnout.dev/v1alpha1", "EventRouter"),
                        router.substr(0, slash), router.substr(slash + 1));
}

}  // namespace

ControllerLoop::ControllerLoop(ControllerOptions options, DecideFunction decide, LoopTimes times)
    : options_(std::move(options)),
      decide_(std::move(decide)),
      times_(times),
      time_(runtime::RealTimeAndChance()),
      client_(WithTimeout(options_.kube, kCallTimeout)),
      lease_client_(WithTimeout(options_.kube, kube::kLeaseCallTimeout)),
      pods_http_({.connect_timeout = kPodTimeout, .direct = true}),
      election_(&lease_client_,
                {.namespace_name = options_.namespace_name,
                 .lease = options_.lease,
                 .identity = options_.identity,
                 .times = times_.leader},
                {.steady_ms = SteadyMs, .now = time_.now}),
      events_(&client_, kReporter, options_.identity, time_.now),
      carrier_(&client_, &events_,
               [this] { return !stop_.HasBeenNotified() && election_.holds(); }),
      queue_(times_.queue, time_) {}

ControllerLoop::~ControllerLoop() { Stop(); }

void ControllerLoop::Start() {
  watches_ = std::make_unique<ControllerWatches>(
      &client_, [this](const std::string& router) { queue_.Add(router); });
  threads_.emplace_back([this] { RunElection(); });
  threads_.emplace_back([this] { RunApis(); });
  if (options_.is_once) return;
  for (int i = 0; i < kWorkers; ++i) threads_.emplace_back([this] { RunWorker(); });
}

void ControllerLoop::Stop() {
  if (stop_.HasBeenNotified()) return;
  stop_.Notify();
  queue_.Stop();
  for (std::thread& thread : threads_) thread.join();
  watches_.reset();
  // Only now: whoever takes over acts alone.
  const absl::Status released = election_.Release();
  if (!released.ok() && !absl::IsNotFound(released)) {
    runtime::LogWarning("lease_not_released", std::string(released.message()));
  }
}

void ControllerLoop::RunElection() {
  bool was_leader = false;
  while (!stop_.HasBeenNotified()) {
    const absl::Status status = election_.Tick();
    // Whoever was faster is told of by the next look.
    if (!status.ok() && !absl::IsAborted(status) && !absl::IsAlreadyExists(status)) {
      runtime::LogWarning("lease_not_renewed", std::string(status.message()));
    }
    const bool is_leader = election_.holds();
    if (is_leader && !was_leader) {
      runtime::LogInfo("leader", "this process acts from now on",
                       {{"identity", options_.identity}});
      left_some_ = true;
    } else if (was_leader && !is_leader) {
      runtime::LogWarning("leader_no_more", "this process stands by",
                          {{"holder", election_.holder()}});
    }
    was_leader = is_leader;
    if (is_leader && left_some_.exchange(false)) AddAll();
    stop_.WaitForNotificationWithTimeout(times_.leader.retry_period * (0.8 + 0.4 * Chance(time_)));
  }
}

void ControllerLoop::RunApis() {
  std::vector<std::string> before;
  absl::Time look_at = absl::InfinitePast();
  while (!stop_.HasBeenNotified()) {
    if (time_.now() >= look_at) {
      const bool is_answered = watches_->LookForApis();
      look_at = time_.now() + (is_answered ? kApisPeriod : kSyncLook);
    }
    // A kind that was found is known once its objects have been listed.
    std::vector<std::string> now = watches_->apis();
    if (now != before) AddAll();
    before = std::move(now);
    stop_.WaitForNotificationWithTimeout(kSyncLook);
  }
}

void ControllerLoop::AddAll() {
  for (const std::string& router : watches_->routers()) queue_.Add(router);
}

void ControllerLoop::RunWorker() {
  // What is not known yet would be taken for missing.
  while (!stop_.HasBeenNotified() && !watches_->AwaitSynced(kSyncLook)) {
  }
  while (const std::optional<std::string> router = queue_.Take()) {
    if (!election_.holds()) {
      queue_.Forget(*router);
      left_some_ = true;
      continue;
    }
    const absl::StatusOr<absl::Duration> again = Reconcile(*router);
    if (again.ok()) {
      if (*again == absl::InfiniteDuration()) {
        queue_.Forget(*router);
      } else {
        queue_.Succeeded(*router, *again);
      }
      continue;
    }
    const absl::Duration wait = queue_.Failed(*router, kube::RetryAfter(again.status()));
    runtime::LogWarning("reconcile_failed", std::string(again.status().message()),
                        {{"router", *router}, {"again_in_seconds", absl::ToDoubleSeconds(wait)}});
  }
}

absl::StatusOr<absl::Duration> ControllerLoop::Reconcile(const std::string& router) {
  const absl::Time begin = time_.now();
  absl::StatusOr<absl::Duration> again = ReconcileNow(router);
  metrics_.OnReconciled(again.status(), time_.now() - begin);
  return again;
}

absl::StatusOr<absl::Duration> ControllerLoop::ReconcileNow(const std::string& router) {
  ObservedParts parts;
  parts.now = time_.now();
  parts.routes = watches_->routes(router);
  // As it is, and not as the watch has seen it: what was done is kept in its status.
  const absl::StatusOr<kube::KubeObject> live = client_.Get(PathOf(router));
  if (absl::IsNotFound(live.status())) {
    const absl::Status told = carrier_.TellUnrouted(parts.routes, router, parts.now);
    if (!told.ok()) return told;
    return absl::InfiniteDuration();
  }
  if (!live.ok()) return live.status();
  parts.random = Chance(time_);
  parts.controller_namespace = options_.namespace_name;
  parts.image = options_.image;
  parts.version = options_.version;
  parts.apis = watches_->apis();
  parts.router = live->json;
  parts.others = watches_->routers_of_topic(kube::TextAt(live->json, {"spec", "source", "topic"}));
  parts.children = watches_->children(router);
  parts.pods = watches_->pods(router);
  parts.claims = watches_->claims(router);
  parts.statuses = AskPods(&pods_http_, parts.pods, times_.pod_port);
  parts.now = time_.now();
  const absl::StatusOr<std::string> plan = decide_(MakeObservation(parts));
  if (!plan.ok()) return plan.status();
  return carrier_.CarryOut(*plan, *live, parts.routes, parts.children, parts.pods);
}

absl::Status ControllerLoop::Once(absl::Duration within, const absl::Notification& stop) {
  const absl::Time end = time_.now() + within;
  const auto stopped = [] {
    return absl::CancelledError(
        "it was told to stop before each router was looked at; what was done stays, and the next "
        "look does the rest");
  };
  while (!watches_->AwaitSynced(std::min(kOnceLook, end - time_.now()))) {
    if (stop.HasBeenNotified()) return stopped();
    if (time_.now() < end) continue;
    return absl::UnavailableError(
        "not all kinds could be listed; the log says which (are the CustomResourceDefinitions "
        "there, and may this account list them?)");
  }
  while (!election_.holds()) {
    if (time_.now() >= end) {
      return absl::UnavailableError("the lease is held by `" + election_.holder() +
                                    "`: it acts, and nothing was done here");
    }
    if (stop.WaitForNotificationWithTimeout(kOnceLook)) return stopped();
  }
  absl::Status first;
  for (const std::string& router : watches_->routers()) {
    if (stop.HasBeenNotified()) return stopped();
    const absl::Status status = Reconcile(router).status();
    if (!status.ok()) {
      runtime::LogWarning("reconcile_failed", std::string(status.message()), {{"router", router}});
    }
    first.Update(status);
  }
  return first;
}

std::string ControllerLoop::MetricsText() const {
  return metrics_.Text({.is_leader = election_.holds(),
                        .queue_depth = queue_.depth(),
                        .routers = watches_->router_count(),
                        .watches = watches_->counts(),
                        .carried = carrier_.counts()});
}

}  // namespace turnout::controller

#include "deploy/controller/carry_out.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "deploy/controller/controller_options.h"
#include "deploy/controller/json_look.h"
#include "deploy/kube/kube_path.h"
#include "runtime/log.h"
#include "state/sha256.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;
using kube::KubeObject;
using kube::KubePath;
using kube::KubeResource;

constexpr char kRulesAnnotation[] = "turnout.dev/rules";
constexpr std::string_view kOwnPrefix = "turnout.dev/";
constexpr size_t kMarkBytes = 16;

std::string Text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

kube::ApplyOptions Own() { return {.field_manager = kFieldManager, .force = true}; }

// Of an object of the cluster, which has a kind and a name.
std::string KeyOf(const Json& object) {
  return LookText(object, {"apiVersion"}) + "\n" + LookText(object, {"kind"}) + "\n" +
         LookText(object, {"metadata", "namespace"}) + "\n" +
         LookText(object, {"metadata", "name"});
}

absl::Status BadPlan(const std::string& what) {
  return absl::InternalError("the plan is not carried out: " + what);
}

// The path of an object that a plan may touch.
absl::StatusOr<std::string> PathOf(const std::string& api_version, const std::string& kind,
                                   const std::string& where, const std::string& name,
                                   const std::string& allowed_namespace) {
  const KubeResource* const resource = FindResource(api_version, kind);
  if (resource == nullptr) {
    return BadPlan(absl::StrFormat("a router has no %s of %s", kind, api_version));
  }
  if (name.empty() || where != allowed_namespace) {
    return BadPlan(absl::StrFormat("%s `%s` is to be in `%s`, which is not the router's namespace",
                                   kind, name, where));
  }
  return KubePath(*resource, where, name);
}

}  // namespace

struct PlanCarrier::Work {
  Json plan;
  const KubeObject* router;
  Json live_router;
  const ControllerWatches::Objects* routes;
  const ControllerWatches::Objects* children;
  const ControllerWatches::Objects* pods;
  absl::flat_hash_map<std::string, std::string> versions;  // of children, by KeyOf
  std::string rules;                                       // hashes of all maps of rules
};

PlanCarrier::PlanCarrier(kube::KubeClient* client, kube::EventRecorder* events,
                         std::function<bool()> may_write)
    : client_(client), events_(events), may_write_(std::move(may_write)) {}

CarryCounts PlanCarrier::counts() const {
  const absl::MutexLock lock(&mutex_);
  return counts_;
}

void PlanCarrier::Count(int64_t CarryCounts::*what) {
  const absl::MutexLock lock(&mutex_);
  ++(counts_.*what);
}

absl::Status PlanCarrier::MayWrite() const {
  if (may_write_()) return absl::OkStatus();
  return absl::AbortedError("another process holds the lease; this one writes no more");
}

absl::StatusOr<absl::Duration> PlanCarrier::CarryOut(const std::string& plan,
                                                     const KubeObject& router,
                                                     const ControllerWatches::Objects& routes,
                                                     const ControllerWatches::Objects& children,
                                                     const ControllerWatches::Objects& pods) {
  Work work{Json::parse(plan, nullptr, false),
            &router,
            Json::parse(router.json, nullptr, false),
            &routes,
            &children,
            &pods};
  if (!work.plan.is_object() || !work.live_router.is_object()) {
    return BadPlan("it is no object of JSON");
  }
  for (const auto& child : children) {
    const Json object = Json::parse(child->json, nullptr, false);
    work.versions[KeyOf(object)] = child->resource_version;
  }
  absl::Status failure = SetFinalizers(&work, true);
  if (failure.ok()) failure = Apply(&work);
  const absl::Status told = WriteStatuses(&work);
  if (failure.ok()) failure = told;
  if (failure.ok()) failure = Remove(&work);
  if (failure.ok()) failure = MarkRules(&work);
  if (failure.ok()) failure = SetFinalizers(&work, false);
  Tell(&work, failure);
  if (!failure.ok()) return failure;
  const Json* const again = Look(work.plan, {"againInSeconds"});
  if (again == nullptr || !again->is_number()) return kResyncPeriod;
  return std::clamp(absl::Seconds(again->get<double>()), kAgainMin, kResyncPeriod);
}

absl::Status PlanCarrier::Apply(Work* work) {
  for (const Json& object : LookAll(work->plan, {"apply"})) {
    const absl::StatusOr<std::string> path =
        PathOf(LookText(object, {"apiVersion"}), LookText(object, {"kind"}),
               LookText(object, {"metadata", "namespace"}), LookText(object, {"metadata", "name"}),
               work->router->namespace_name);
    if (!path.ok()) return path.status();
    work->rules += LookText(object, {"metadata", "annotations", kRulesAnnotation});
    const absl::Status applied = ApplyOne(work, KeyOf(object), Text(object), *path);
    if (!applied.ok()) return applied;
  }
  return absl::OkStatus();
}

absl::Status PlanCarrier::ApplyOne(Work* work, const std::string& key, const std::string& text,
                                   const std::string& path) {
  const std::string digest = state::Sha256(text);
  const auto live = work->versions.find(key);
  if (live != work->versions.end()) {
    const absl::MutexLock lock(&mutex_);
    const auto before = applied_.find(key);
    if (before != applied_.end() && before->second == digest + live->second) {
      return absl::OkStatus();
    }
  }
  const absl::Status may = MayWrite();
  if (!may.ok()) return may;
  const absl::StatusOr<KubeObject> now = client_->Apply(path, text, Own());
  if (!now.ok()) return now.status();
  const absl::MutexLock lock(&mutex_);
  ++counts_.applied;
  if (applied_.size() >= kAppliedKeptMax) applied_.clear();
  applied_[key] = digest + now->resource_version;
  return absl::OkStatus();
}

absl::Status PlanCarrier::WriteStatuses(Work* work) {
  const auto write = [this](const KubeResource& resource, const KubeObject& object,
                            const Json& before, const Json* status) {
    if (status == nullptr || !status->is_object()) return absl::OkStatus();
    const Json* const stands = Look(before, {"status"});
    if (stands != nullptr && *stands == *status) return absl::OkStatus();
    const absl::Status may = MayWrite();
    if (!may.ok()) return may;
    const Json written = {
        {"apiVersion", resource.api_version},
        {"kind", resource.kind},
        {"metadata",
         {{"name", object.name}, {"namespace", object.namespace_name}, {"uid", object.uid}}},
        {"status", *status}};
    return client_
        ->ApplyStatus(KubePath(resource, object.namespace_name, object.name), Text(written), Own())
        .status();
  };
  absl::Status first = write(*FindResource("turnout.dev/v1alpha1", "EventRouter"), *work->router,
                             work->live_router, Look(work->plan, {"routerStatus"}));
  for (const Json& verdict : LookAll(work->plan, {"routeStatuses"})) {
    for (const auto& route : *work->routes) {
      if (route->name != LookText(verdict, {"name"}) ||
          route->namespace_name != LookText(verdict, {"namespace"})) {
        continue;
      }
      const absl::Status written =
          write(*FindResource("turnout.dev/v1alpha1", "EventRoute"), *route,
                Json::parse(route->json, nullptr, false), Look(verdict, {"status"}));
      // One that was deleted meanwhile holds up nobody.
      if (!absl::IsNotFound(written)) first.Update(written);
    }
  }
  return first;
}

absl::Status PlanCarrier::Remove(Work* work) {
  for (const Json& removal : LookAll(work->plan, {"remove"})) {
    const std::string kind = LookText(removal, {"kind"}), name = LookText(removal, {"name"});
    const std::string where = LookText(removal, {"namespace"});
    const std::string uid = LookText(removal, {"uid"});
    const absl::StatusOr<std::string> path =
        PathOf(LookText(removal, {"apiVersion"}), kind, where, name, work->router->namespace_name);
    if (!path.ok()) return path.status();
    if (uid.empty())
      return BadPlan(absl::StrFormat("%s %s is to be removed, whichever", kind, name));
    const absl::Status may = MayWrite();
    if (!may.ok()) return may;
    kube::DeleteOptions options{.uid = uid,
                                .propagation = LookText(removal, {"propagation"}, "Background")};
    const Json* const grace = Look(removal, {"gracePeriodSeconds"});
    if (grace != nullptr && grace->is_number_integer()) {
      options.grace_period_seconds = std::max<int64_t>(0, grace->get<int64_t>());
    }
    const absl::Status removed = client_->Delete(*path, options);
    // Gone, or another one of its name by now.
    if (absl::IsNotFound(removed) || absl::IsAborted(removed)) continue;
    if (!removed.ok()) return removed;
    Count(&CarryCounts::removed);
    runtime::LogInfo("child_removed", LookText(removal, {"why"}, "it is desired no more"),
                     {{"kind", kind}, {"namespace", where}, {"name", name}});
  }
  return absl::OkStatus();
}

absl::Status PlanCarrier::MarkRules(Work* work) {
  if (work->rules.empty()) return absl::OkStatus();
  const std::string mark = state::Hex(state::Sha256(work->rules)).substr(0, kMarkBytes);
  for (const auto& pod : *work->pods) {
    const Json object = Json::parse(pod->json, nullptr, false);
    if (LookText(object, {"metadata", "annotations", kRulesAnnotation}) == mark) continue;
    if (Look(object, {"metadata", "deletionTimestamp"}) != nullptr) continue;
    const absl::Status may = MayWrite();
    if (!may.ok()) return may;
    const Json patch = {
        {"metadata", {{"uid", pod->uid}, {"annotations", {{kRulesAnnotation, mark}}}}}};
    const absl::Status marked =
        client_
            ->Merge(KubePath(*FindResource("v1", "Pod"), pod->namespace_name, pod->name),
                    Text(patch))
            .status();
    // Gone, or another one: it has read the rules as they are.
    if (absl::IsNotFound(marked) || absl::IsAborted(marked)) continue;
    if (!marked.ok()) return marked;
  }
  return absl::OkStatus();
}

absl::Status PlanCarrier::SetFinalizers(Work* work, bool more) {
  const Json* const planned = Look(work->plan, {"finalizers"});
  if (planned == nullptr || !planned->is_array()) return absl::OkStatus();
  const Json standing = LookAll(work->live_router, {"metadata", "finalizers"});
  const auto is_own = [](const Json& name) {
    return name.is_string() && name.get<std::string>().starts_with(kOwnPrefix);
  };
  const auto own_of = [&is_own](const Json& names) {
    Json own = Json::array();
    for (const Json& name : names) {
      if (is_own(name)) own.push_back(name);
    }
    return own;
  };
  const Json wanted = own_of(*planned), has = own_of(standing);
  if (wanted == has || (wanted.size() > has.size()) != more) return absl::OkStatus();
  const absl::Status may = MayWrite();
  if (!may.ok()) return may;
  const std::string path = KubePath(*FindResource("turnout.dev/v1alpha1", "EventRouter"),
                                    work->router->namespace_name, work->router->name);
  // Its status may have been written since: those of others are as they stand now.
  const absl::StatusOr<KubeObject> now = client_->Get(path);
  if (absl::IsNotFound(now.status())) return absl::OkStatus();
  if (!now.ok()) return now.status();
  if (now->uid != work->router->uid) return absl::AbortedError("it is another router by now");
  Json list = Json::array();
  const Json live = Json::parse(now->json, nullptr, false);
  for (const Json& name : LookAll(live, {"metadata", "finalizers"})) {
    if (!is_own(name)) list.push_back(name);
  }
  for (const Json& name : wanted) list.push_back(name);
  const Json patch = {
      {"metadata", {{"resourceVersion", now->resource_version}, {"finalizers", list}}}};
  const absl::Status written = client_->Merge(path, Text(patch)).status();
  return absl::IsNotFound(written) ? absl::OkStatus() : written;
}

void PlanCarrier::Tell(Work* work, const absl::Status& failure) {
  const auto record = [this](const kube::RecordedEvent& event) {
    if (!MayWrite().ok() || events_->Record(event).ok()) return;
    Count(&CarryCounts::events_lost);
  };
  for (const Json& event : LookAll(work->plan, {"events"})) {
    record({LookText(event, {"type"}),
            LookText(event, {"reason"}, "Changed"),
            LookText(event, {"note"}),
            {LookText(event, {"regarding", "apiVersion"}), LookText(event, {"regarding", "kind"}),
             LookText(event, {"regarding", "namespace"}), LookText(event, {"regarding", "name"}),
             LookText(event, {"regarding", "uid"})}});
  }
  // Races with others, and a server that is away, are no news of the router.
  if (failure.ok() || absl::IsAborted(failure) || absl::IsUnavailable(failure)) return;
  record({"Warning",
          "NotCarriedOut",
          std::string(failure.message()),
          {"turnout.dev/v1alpha1", "EventRouter", work->router->namespace_name, work->router->name,
           work->router->uid}});
}

absl::Status PlanCarrier::TellUnrouted(const ControllerWatches::Objects& routes,
                                       const std::string& router, absl::Time now) {
  const KubeResource& resource = *FindResource("turnout.dev/v1alpha1", "EventRoute");
  absl::Status first;
  for (const auto& route : routes) {
    const Json live = Json::parse(route->json, nullptr, false);
    const int64_t generation = LookNumber(live, {"metadata", "generation"});
    bool is_told = false;
    for (const Json& condition : LookAll(live, {"status", "conditions"})) {
      is_told |= LookText(condition, {"reason"}) == "RouterNotFound" &&
                 LookNumber(condition, {"observedGeneration"}) == generation;
    }
    if (is_told || Look(live, {"metadata", "deletionTimestamp"}) != nullptr) continue;
    const absl::Status may = MayWrite();
    if (!may.ok()) return may;
    const std::string message = absl::StrFormat(
        "there is no EventRouter %s; make it, or name another one in spec.router", router);
    const Json written = {
        {"apiVersion", resource.api_version},
        {"kind", resource.kind},
        {"metadata",
         {{"name", route->name}, {"namespace", route->namespace_name}, {"uid", route->uid}}},
        {"status",
         {{"observedGeneration", generation},
          {"conditions",
           Json::array({{{"type", "Accepted"},
                         {"status", "False"},
                         {"reason", "RouterNotFound"},
                         {"message", message},
                         {"observedGeneration", generation},
                         {"lastTransitionTime",
                          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone())}}})}}}};
    const absl::Status told =
        client_
            ->ApplyStatus(KubePath(resource, route->namespace_name, route->name), Text(written),
                          Own())
            .status();
    if (!absl::IsNotFound(told)) first.Update(told);
  }
  return first;
}

}  // namespace turnout::controller

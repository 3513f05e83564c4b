#include "deploy/controller/controller_watches.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "deploy/controller/child_kinds.h"
#include "runtime/log.h"

namespace turnout::controller {
namespace {

using kube::KubeObject;
using kube::KubeResource;
using kube::KubeWatch;

constexpr char kRouterLabelName[] = "turnout.dev/router";
constexpr char kOwnApi[] = "turnout.dev/v1alpha1";

const std::vector<KubeResource>& Resources() {
  static const auto* const resources = [] {
    auto* const all = new std::vector<KubeResource>{
        {kOwnApi, "EventRouter", "eventrouters"},
        {kOwnApi, "EventRoute", "eventroutes"},
        {"v1", "Pod", "pods"},
        {"v1", "PersistentVolumeClaim", "persistentvolumeclaims"},
    };
    for (const ChildKind& kind : kChildKinds) {
      all->push_back(
          {std::string(kind.api_version), std::string(kind.kind), std::string(kind.plural)});
    }
    return all;
  }();
  return *resources;
}

KubeResource ResourceOf(const ChildKind& kind) {
  return {std::string(kind.api_version), std::string(kind.kind), std::string(kind.plural)};
}

std::string RouterOfChild(const KubeObject& object) {
  const std::string name = kube::TextAt(object.json, {"metadata", "labels", kRouterLabelName});
  return name.empty() ? "" : object.namespace_name + "/" + name;
}

std::string RouterOfRoute(const KubeObject& object) {
  const std::string name = kube::TextAt(object.json, {"spec", "router", "name"});
  const std::string where = kube::TextAt(object.json, {"spec", "router", "namespace"});
  return name.empty() ? "" : (where.empty() ? object.namespace_name : where) + "/" + name;
}

// Of an APIResourceList; nothing: it is none.
std::optional<std::set<std::string>> ReadResources(const std::string& text) {
  if (!kube::IsShallow(text)) return std::nullopt;
  const nlohmann::json found = nlohmann::json::parse(text, nullptr, false);
  if (!found.is_object() || !found.contains("resources")) return std::nullopt;
  const nlohmann::json& resources = found["resources"];
  if (!resources.is_array() && !resources.is_null()) return std::nullopt;
  std::set<std::string> names;
  for (const nlohmann::json& resource : resources) {
    if (!resource.is_object() || !resource.contains("name")) continue;
    if (resource["name"].is_string()) names.insert(resource["name"].get<std::string>());
  }
  return names;
}

// All but the status, which is the controller's own to write.
std::string WithoutStatus(const KubeObject& object) {
  nlohmann::json parsed = nlohmann::json::parse(object.json, nullptr, false);
  if (!parsed.is_object()) return object.json;
  parsed.erase("status");
  const auto metadata = parsed.find("metadata");
  if (metadata != parsed.end() && metadata->is_object()) metadata->erase("resourceVersion");
  return parsed.dump();
}

// All but what an autoscaler measures, which it writes down every few seconds.
std::string WithoutFigures(const KubeObject& object) {
  nlohmann::json parsed = nlohmann::json::parse(object.json, nullptr, false);
  if (!parsed.is_object()) return object.json;
  const auto status = parsed.find("status");
  if (status != parsed.end() && status->is_object()) status->erase("currentMetrics");
  const auto metadata = parsed.find("metadata");
  if (metadata != parsed.end() && metadata->is_object()) {
    metadata->erase("resourceVersion");
    metadata->erase("managedFields");
  }
  return parsed.dump();
}

}  // namespace

const KubeResource* FindResource(const std::string& api_version, const std::string& kind) {
  for (const KubeResource& resource : Resources()) {
    if (resource.api_version == api_version && resource.kind == kind) return &resource;
  }
  return nullptr;
}

ControllerWatches::ControllerWatches(kube::KubeClient* client,
                                     std::function<void(const std::string&)> changed)
    : client_(client), changed_(std::move(changed)) {
  routers_ = std::make_unique<KubeWatch>(
      client_, kube::WatchPlan{.resource = *FindResource(kOwnApi, "EventRouter"),
                               .group_of = [](const KubeObject& object) { return object.Key(); },
                               .mark_of = WithoutStatus,
                               .changed = changed_});
  routes_ = std::make_unique<KubeWatch>(
      client_, kube::WatchPlan{.resource = *FindResource(kOwnApi, "EventRoute"),
                               .group_of = RouterOfRoute,
                               .mark_of = WithoutStatus,
                               .changed = changed_});
  pods_ = Follow(*FindResource("v1", "Pod"));
  claims_ = Follow(*FindResource("v1", "PersistentVolumeClaim"));
  const absl::MutexLock lock(&mutex_);
  for (const ChildKind& kind : kChildKinds) {
    if (!kind.is_optional) children_.push_back(Follow(ResourceOf(kind)));
  }
}

ControllerWatches::~ControllerWatches() {
  // All at once, since each takes up to a second.
  for (KubeWatch* watch : {routers_.get(), routes_.get(), pods_.get(), claims_.get()}) {
    watch->BeginToStop();
  }
  for (const auto& watch : ChildWatches()) watch->BeginToStop();
}

std::unique_ptr<KubeWatch> ControllerWatches::Follow(const KubeResource& resource) const {
  kube::WatchPlan plan = {.resource = resource,
                          .selection = {.labels = kRouterLabelName},
                          .group_of = RouterOfChild,
                          .changed = changed_};
  if (resource.kind == "HorizontalPodAutoscaler") plan.mark_of = WithoutFigures;
  return std::make_unique<KubeWatch>(client_, std::move(plan));
}

std::vector<std::shared_ptr<KubeWatch>> ControllerWatches::ChildWatches() const {
  const absl::MutexLock lock(&mutex_);
  return children_;
}

bool ControllerWatches::AwaitSynced(absl::Duration within) const {
  const absl::Time end = absl::Now() + within;
  if (!looked_for_apis_.WaitForNotificationWithTimeout(within)) return false;
  for (const KubeWatch* watch : {routers_.get(), routes_.get(), pods_.get(), claims_.get()}) {
    if (!watch->AwaitSynced(end - absl::Now())) return false;
  }
  for (const auto& watch : ChildWatches()) {
    if (!watch->AwaitSynced(end - absl::Now())) return false;
  }
  was_synced_ = true;
  return true;
}

bool ControllerWatches::is_synced() const {
  return was_synced_ || AwaitSynced(absl::ZeroDuration());
}

absl::StatusOr<std::set<std::string>> ControllerWatches::ResourcesOf(
    const std::string& api_version) {
  const std::string path = "/apis/" + api_version;
  const absl::StatusOr<std::string> text = client_->GetText(path);
  if (absl::IsNotFound(text.status())) return std::set<std::string>();
  if (!text.ok()) return text.status();
  std::optional<std::set<std::string>> names = ReadResources(*text);
  if (!names) return absl::DataLossError("GET " + path + ": the answer is no APIResourceList");
  return *std::move(names);
}

void ControllerWatches::TellOfApi(const std::string& api_version, const absl::Status& status) {
  {
    const absl::MutexLock lock(&mutex_);
    const std::string said(status.message());
    if (std::exchange(told_[api_version], said) == said) return;
  }
  if (absl::IsPermissionDenied(status)) {
    runtime::LogWarning("api_forbidden",
                        "the server does not say whether it has these kinds, and they are taken "
                        "for missing unless they were found before; give this account the "
                        "ClusterRole system:discovery",
                        {{"api", api_version}, {"error", status.message()}});
  } else if (!status.ok()) {
    runtime::LogWarning("api_not_answered",
                        "nobody knows whether the server has these kinds; it is asked again, and "
                        "before the first answer no router is looked at",
                        {{"api", api_version}, {"error", status.message()}});
  }
}

bool ControllerWatches::LookForApis() {
  bool is_answered = true;
  std::set<std::string> there, unknown;
  for (const ChildKind& kind : kChildKinds) {
    if (!kind.is_optional) continue;
    const std::string api_version(kind.api_version);
    const absl::StatusOr<std::set<std::string>> names = ResourcesOf(api_version);
    TellOfApi(api_version, names.status());
    if (!names.ok()) {
      // A right that is missing may be missing for ever.
      is_answered = is_answered && absl::IsPermissionDenied(names.status());
      unknown.insert(Api(kind));
    } else if (names->contains(std::string(kind.plural))) {
      there.insert(Api(kind));
    }
  }
  std::vector<std::shared_ptr<KubeWatch>> gone;  // destroyed without the lock
  const absl::MutexLock lock(&mutex_);
  for (const ChildKind& kind : kChildKinds) {
    const std::string api = Api(kind);
    if (!kind.is_optional || unknown.contains(api)) continue;
    const auto known = std::find(apis_.begin(), apis_.end(), api);
    if (there.contains(api) && known == apis_.end()) {
      runtime::LogInfo("api_found", "routers may have children of one more kind", {{"api", api}});
      children_.push_back(Follow(ResourceOf(kind)));
      apis_.push_back(api);
    } else if (!there.contains(api) && known != apis_.end()) {
      runtime::LogWarning("api_gone", "the server knows a kind no longer", {{"api", api}});
      apis_.erase(known);
      const auto watch =
          std::find_if(children_.begin(), children_.end(), [&kind](const auto& child) {
            return child->resource().kind == kind.kind &&
                   child->resource().api_version == kind.api_version;
          });
      if (watch != children_.end()) {
        gone.push_back(std::move(*watch));
        children_.erase(watch);
      }
    }
  }
  if (is_answered && !looked_for_apis_.HasBeenNotified()) looked_for_apis_.Notify();
  return is_answered;
}

std::vector<std::string> ControllerWatches::apis() const {
  const absl::MutexLock lock(&mutex_);
  std::vector<std::string> listed;
  for (const auto& child : children_) {
    const std::string api = child->resource().api_version + "/" + child->resource().kind;
    if (std::find(apis_.begin(), apis_.end(), api) == apis_.end()) continue;
    if (child->is_synced()) listed.push_back(api);
  }
  return listed;
}

std::vector<std::string> ControllerWatches::routers() const {
  std::set<std::string> all;
  for (std::string& router : routers_->Groups()) all.insert(std::move(router));
  for (std::string& router : routes_->Groups()) all.insert(std::move(router));
  return {all.begin(), all.end()};
}

ControllerWatches::Objects ControllerWatches::routers_of_topic(const std::string& topic) const {
  Objects all;
  for (const std::string& name : routers_->Groups()) {
    for (auto& router : routers_->In(name)) {
      if (kube::TextAt(router->json, {"spec", "source", "topic"}) == topic) {
        all.push_back(std::move(router));
      }
    }
  }
  return all;
}

ControllerWatches::Objects ControllerWatches::children(const std::string& router) const {
  Objects all;
  for (const auto& watch : ChildWatches()) {
    for (auto& object : watch->In(router)) all.push_back(std::move(object));
  }
  return all;
}

kube::WatchCounts ControllerWatches::counts() const {
  kube::WatchCounts all;
  const auto add = [&all](const KubeWatch& watch) {
    const kube::WatchCounts counts = watch.counts();
    all.lists += counts.lists;
    all.failures += counts.failures;
  };
  for (const KubeWatch* watch : {routers_.get(), routes_.get(), pods_.get(), claims_.get()}) {
    add(*watch);
  }
  for (const auto& watch : ChildWatches()) add(*watch);
  return all;
}

}  // namespace turnout::controller

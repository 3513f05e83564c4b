#include "deploy/kube/kube_watch.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "deploy/kube/kube_status.h"
#include "runtime/log.h"
#include "runtime/real_time.h"

namespace turnout::kube {
namespace {

// The server ends a watch after this long, and a new one begins; others are cut off by what is
// between them.
constexpr absl::Duration kWatchDuration = absl::Minutes(5);
constexpr absl::Duration kShortWatch = absl::Seconds(5);

}  // namespace

KubeWatch::KubeWatch(KubeClient* client, WatchPlan plan)
    : client_(client),
      plan_(std::move(plan)),
      path_(KubePath(plan_.resource, plan_.namespace_name)),
      thread_([this] { Run(); }) {}

KubeWatch::~KubeWatch() {
  BeginToStop();
  thread_.join();
}

void KubeWatch::BeginToStop() {
  if (!stopping_.exchange(true)) stop_.Notify();
}

bool KubeWatch::AwaitSynced(absl::Duration within) const {
  return first_list_.WaitForNotificationWithTimeout(within);
}

void KubeWatch::Run() {
  state::TimeAndChance time = runtime::RealTimeAndChance();
  time.sleep = [this](absl::Duration wait) { stop_.WaitForNotificationWithTimeout(wait); };
  const state::BackoffLimits limits = {
      .wait_min = plan_.wait_min, .wait_max = plan_.wait_max, .deadline = absl::InfiniteDuration()};
  std::optional<state::Backoff> backoff;
  while (!stopping_.load()) {
    progressed_ = false;
    const absl::Time begin = time.now();
    absl::Status status = version_.empty() ? List() : Follow();
    if (stopping_.load()) return;
    if (progressed_) backoff.reset();
    // A watch without a change ends in good order too, but not at once.
    const bool is_well = progressed_ || time.now() - begin > kShortWatch;
    if (status.ok() && is_well) continue;
    if (status.ok()) status = absl::UnavailableError("the watch ended as soon as it began");
    Count(status);
    resumes_ = progressed_ ? 1 : resumes_ + 1;
    if (absl::IsOutOfRange(status) || resumes_ > kResumesMax) {
      version_.clear();
      resumes_ = 0;
    }
    if (!backoff.has_value()) backoff.emplace(&time, limits);
    time.sleep(RetryAfter(status));
    backoff->Wait();
  }
}

void KubeWatch::Count(const absl::Status& failure) {
  {
    const absl::MutexLock lock(&mutex_);
    ++counts_.failures;
  }
  // Watches are cut in the course of things; who may not watch, or finds no such kind, is told.
  if (absl::IsUnavailable(failure) || absl::IsOutOfRange(failure)) {
    runtime::LogDebug("kube_watch_ended", std::string(failure.message()), {{"path", path_}});
  } else {
    runtime::LogWarning("kube_watch_failed", std::string(failure.message()), {{"path", path_}});
  }
}

absl::Status KubeWatch::List() {
  absl::StatusOr<KubeList> list = client_->List(path_, plan_.selection);
  if (!list.ok()) return list.status();
  std::vector<std::string> told;
  {
    const absl::MutexLock lock(&mutex_);
    ++counts_.lists;
    absl::flat_hash_set<std::string> there;
    for (const KubeObject& object : list->items) there.insert(object.Key());
    std::vector<std::string> gone;
    for (const auto& [key, filed] : objects_) {
      if (!there.contains(key)) gone.push_back(key);
    }
    for (const std::string& key : gone) Drop(key, &told);
    for (KubeObject& object : list->items) Put(std::move(object), &told);
  }
  version_ = list->resource_version;
  progressed_ = true;
  if (!synced_.exchange(true)) first_list_.Notify();
  Tell(told);
  return absl::OkStatus();
}

absl::Status KubeWatch::Follow() {
  return client_->Watch(path_,
                        {.selection = plan_.selection,
                         .resource_version = version_,
                         .duration = kWatchDuration,
                         .stop = &stopping_},
                        [this](const KubeChange& change) { return Take(change); });
}

absl::Status KubeWatch::Take(const KubeChange& change) {
  if (!change.object.resource_version.empty()) version_ = change.object.resource_version;
  progressed_ = true;
  if (change.type == KubeChange::Type::kBookmark) return absl::OkStatus();
  std::vector<std::string> told;
  {
    const absl::MutexLock lock(&mutex_);
    if (change.type == KubeChange::Type::kDeleted) {
      Drop(change.object.Key(), &told);
    } else if (objects_.size() < kListItemsMax || objects_.contains(change.object.Key())) {
      Put(change.object, &told);
    } else {
      return absl::ResourceExhaustedError("the collection has more objects than are kept");
    }
  }
  Tell(told);
  return absl::OkStatus();
}

void KubeWatch::Put(KubeObject object, std::vector<std::string>* told) {
  const std::string key = object.Key();
  std::string group = plan_.group_of(object);
  const auto found = objects_.find(key);
  if (found != objects_.end()) {
    const bool is_in_group = found->second.group == group;
    if (is_in_group && found->second.object->resource_version == object.resource_version) return;
    if (!is_in_group) Drop(key, told);
  }
  Filed& now = objects_[key];
  std::string mark = plan_.mark_of == nullptr ? object.resource_version : plan_.mark_of(object);
  const bool matters = now.object == nullptr || now.mark != mark;
  now.mark = std::move(mark);
  now.object = std::make_shared<const KubeObject>(std::move(object));
  now.group = std::move(group);
  if (now.group.empty()) return;
  groups_[now.group][key] = now.object;
  if (matters) told->push_back(now.group);
}

void KubeWatch::Drop(const std::string& key, std::vector<std::string>* told) {
  const auto found = objects_.find(key);
  if (found == objects_.end()) return;
  const std::string group = found->second.group;
  objects_.erase(found);
  if (group.empty()) return;
  const auto members = groups_.find(group);
  if (members != groups_.end()) {
    members->second.erase(key);
    if (members->second.empty()) groups_.erase(members);
  }
  told->push_back(group);
}

void KubeWatch::Tell(const std::vector<std::string>& groups) const {
  if (plan_.changed == nullptr) return;
  for (const std::string& group : groups) plan_.changed(group);
}

std::vector<KubeWatch::ObjectPointer> KubeWatch::In(const std::string& group) const {
  const absl::MutexLock lock(&mutex_);
  std::vector<ObjectPointer> objects;
  const auto found = groups_.find(group);
  if (found == groups_.end()) return objects;
  for (const auto& [key, object] : found->second) objects.push_back(object);
  return objects;
}

std::vector<std::string> KubeWatch::Groups() const {
  const absl::MutexLock lock(&mutex_);
  std::vector<std::string> names;
  for (const auto& [group, members] : groups_) names.push_back(group);
  std::sort(names.begin(), names.end());
  return names;
}

size_t KubeWatch::size() const {
  const absl::MutexLock lock(&mutex_);
  return objects_.size();
}

WatchCounts KubeWatch::counts() const {
  const absl::MutexLock lock(&mutex_);
  return counts_;
}

}  // namespace turnout::kube

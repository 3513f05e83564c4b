#include "deploy/kube/event_recorder.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "deploy/kube/kube_path.h"
#include "state/sha256.h"

namespace turnout::kube {
namespace {

using nlohmann::json;

constexpr size_t kNameBytesMax = 200;      // of 253, before what makes it unlike others
constexpr size_t kInstanceBytesMax = 128;  // the server's own limit
constexpr std::string_view kDefaultNamespace = "default";

const KubeResource& Events() {
  static const auto* const events = new KubeResource{"events.k8s.io/v1", "Event", "events"};
  return *events;
}

std::string MicroTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

// Not within a character.
std::string Cut(std::string_view text, size_t bytes_max) {
  size_t size = std::min(text.size(), bytes_max);
  while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) >> 6) == 2) {
    --size;
  }
  return std::string(text.substr(0, size));
}

std::string KeyOf(const RecordedEvent& event) {
  return event.regarding.uid + '\n' + event.regarding.kind + '\n' + event.regarding.namespace_name +
         '\n' + event.regarding.name + '\n' + event.type + '\n' + event.reason;
}

std::string Text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

EventRecorder::EventRecorder(KubeClient* client, std::string controller, std::string instance,
                             std::function<absl::Time()> now)
    : client_(client),
      controller_(std::move(controller)),
      instance_(Cut(instance, kInstanceBytesMax)),
      now_(std::move(now)) {}

absl::Status EventRecorder::Record(const RecordedEvent& event) {
  const std::string key = KeyOf(event);
  const absl::Time now = now_();
  std::string path, patch;
  {
    const absl::MutexLock lock(&mutex_);
    std::erase_if(kept_, [now](const auto& kept) { return now - kept.second.last > kEventQuiet; });
    const auto found = kept_.find(key);
    if (found != kept_.end()) {
      Kept& kept = found->second;
      ++kept.count;
      kept.last = now;
      if (now - kept.told < kSeriesPeriod && kept.note == event.note) return absl::OkStatus();
      kept.told = now;
      kept.note = event.note;
      path = kept.path;
      patch = Text({{"note", Cut(event.note, kEventNoteBytesMax)},
                    {"series", {{"count", kept.count}, {"lastObservedTime", MicroTime(now)}}}});
    }
  }
  if (!path.empty()) {
    const absl::Status told = client_->Merge(path, patch).status();
    if (!absl::IsNotFound(told)) return told;  // else the server has forgotten it by now
  }
  return Make(event, key, now);
}

absl::Status EventRecorder::Make(const RecordedEvent& event, const std::string& key,
                                 absl::Time now) {
  const EventReference& regarding = event.regarding;
  const std::string name_space =
      regarding.namespace_name.empty() ? std::string(kDefaultNamespace) : regarding.namespace_name;
  const std::string mark = state::Hex(
      state::Sha256(absl::StrFormat("%s\n%s\n%d", key, instance_, absl::ToUnixNanos(now))));
  const std::string name =
      absl::StrFormat("%s.%s", Cut(regarding.name, kNameBytesMax), mark.substr(0, 16));
  const json made = {{"apiVersion", Events().api_version},
                     {"kind", Events().kind},
                     {"metadata", {{"name", name}, {"namespace", name_space}}},
                     {"eventTime", MicroTime(now)},
                     {"reportingController", controller_},
                     {"reportingInstance", instance_},
                     {"action", "Reconcile"},
                     {"type", event.type == "Warning" ? "Warning" : "Normal"},
                     {"reason", Cut(event.reason, kEventReasonBytesMax)},
                     {"note", Cut(event.note, kEventNoteBytesMax)},
                     {"regarding",
                      {{"apiVersion", regarding.api_version},
                       {"kind", regarding.kind},
                       {"namespace", regarding.namespace_name},
                       {"name", regarding.name},
                       {"uid", regarding.uid}}}};
  const absl::Status status = client_->Create(KubePath(Events(), name_space), Text(made)).status();
  if (!status.ok()) return status;
  const absl::MutexLock lock(&mutex_);
  if (kept_.size() >= kEventsKeptMax && !kept_.contains(key)) {
    const auto oldest = std::min_element(
        kept_.begin(), kept_.end(),
        [](const auto& a, const auto& b) { return a.second.last < b.second.last; });
    kept_.erase(oldest);
  }
  kept_[key] = {KubePath(Events(), name_space, name), event.note, 1, now, now};
  return absl::OkStatus();
}

}  // namespace turnout::kube

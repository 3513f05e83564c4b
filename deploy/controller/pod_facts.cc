#include "deploy/controller/pod_facts.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_format.h"
#include "deploy/controller/conditions.h"
#include "deploy/controller/json_look.h"
#include "runtime/exit_status.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

// Nodes are added by then, where something adds them.
constexpr absl::Duration kDiskPatience = absl::Minutes(5);
constexpr int kRestartsMax = 3;

const Json* ConditionOf(const Json& pod, std::string_view type) {
  for (const Json& condition : LookAll(pod, {"status", "conditions"})) {
    if (LookText(condition, {"type"}) == type) return &condition;
  }
  return nullptr;
}

const Json* ContainerOf(const Json& pod) {
  for (const Json& container : LookAll(pod, {"status", "containerStatuses"})) {
    if (LookText(container, {"name"}) == kContainer) return &container;
  }
  return nullptr;
}

// How the container ended last, if it did.
const Json* LastEnd(const Json& container) {
  const Json* now = Look(container, {"state", "terminated"});
  return now != nullptr ? now : Look(container, {"lastState", "terminated"});
}

PodFault ImageFault(const std::string& reason, const Json& container) {
  return {.reason = "ImageNotPulled",
          .message = absl::StrFormat(
              "the image %s can't be had (%s: %s). Set spec.image and spec.version to one that is "
              "there, or spec.imagePullSecrets to who may pull it",
              LookText(container, {"image"}), reason,
              LookText(container, {"state", "waiting", "message"})),
          .is_final = reason != "ErrImagePull"};
}

PodFault EndFault(const Json& end, int64_t restarts, bool is_backing_off) {
  const int64_t code = LookNumber(end, {"exitCode"});
  const std::string message = LookText(end, {"message"}, "no last words; see the pod's log");
  if (code == runtime::kExitRefused) {
    return {"ConfigRefused",
            absl::StrFormat("turnout refuses its config or its rules: %s. Mend the EventRouter; "
                            "restarting won't help",
                            message),
            true};
  }
  const std::string reason = LookText(end, {"reason"}, "Error");
  if (reason == "OOMKilled") {
    return {"OutOfMemory",
            "the pod was killed for taking more memory than spec.resources.limits.memory; raise "
            "that, or lower config.state.memory",
            restarts >= kRestartsMax};
  }
  return {"Crashing",
          absl::StrFormat("turnout ended %d times, last with status %d (%s): %s", restarts, code,
                          reason, message),
          is_backing_off || restarts >= kRestartsMax};
}

PodFault ContainerFault(const Json& container) {
  const std::string waiting = LookText(container, {"state", "waiting", "reason"});
  for (const std::string_view image : {"ErrImagePull", "ImagePullBackOff", "InvalidImageName",
                                       "ErrImageNeverPull", "ImageInspectError"}) {
    if (waiting == image) return ImageFault(waiting, container);
  }
  if (waiting == "CreateContainerConfigError" || waiting == "CreateContainerError") {
    return {"CannotStart",
            absl::StrFormat("the container can't be made: %s. A Secret that spec names is missing, "
                            "or lacks a key",
                            LookText(container, {"state", "waiting", "message"})),
            true};
  }
  const Json* end = LastEnd(container);
  const bool is_ready = LookFlag(container, {"ready"});
  const int64_t restarts = LookNumber(container, {"restartCount"});
  if (end != nullptr && !is_ready) {
    return EndFault(*end, restarts, waiting == "CrashLoopBackOff");
  }
  return {};
}

// As schedulers say it, the older ones first.
bool IsDiskElsewhere(const std::string& message) {
  return message.find("volume node affinity conflict") != std::string::npos ||
         message.find("didn't match PersistentVolume's node affinity") != std::string::npos;
}

PodFault FaultOf(const Json& pod, const PodFacts& facts, absl::Time now) {
  if (facts.is_lost) {
    return {"NodeLost",
            absl::StrFormat("the node %s does not end the pod; the pod is taken away by force, and "
                            "its successor fences it",
                            facts.node)};
  }
  const Json* scheduled = ConditionOf(pod, "PodScheduled");
  if (scheduled != nullptr && LookText(*scheduled, {"status"}) == "False") {
    const std::string message = LookText(*scheduled, {"message"});
    const absl::Time since = ReadTime(LookText(*scheduled, {"lastTransitionTime"}));
    if (IsDiskElsewhere(message) && now > since + kDiskPatience) {
      return {"DiskElsewhere",
              absl::StrFormat(
                  "no node is where the disk of its claim is: %s. Add nodes in that zone; or, if "
                  "the zone is gone, delete the claim state-%s and then the pod: with a "
                  "spec.checkpoints.store at s3:// its state comes back from there, else it is "
                  "made anew from what the source still holds",
                  message, facts.name)};
    }
    return {"Unschedulable",
            absl::StrFormat("no node takes the pod: %s. Add nodes, or change spec.resources, "
                            "nodeSelector, tolerations or scheduleClass",
                            message)};
  }
  const Json* container = ContainerOf(pod);
  return container == nullptr ? PodFault{} : ContainerFault(*container);
}

std::vector<std::string> Restored(const Json& partition) {
  std::vector<std::string> wishes;
  for (const Json& wish : LookAll(partition, {"restored"})) {
    if (wish.is_string()) wishes.push_back(wish.get<std::string>());
  }
  return wishes;
}

void ReadPartitions(const Json& status, PodFacts* out) {
  for (const Json& worker : LookAll(status, {"workers"})) {
    const std::string topic = LookText(worker, {"topic"});
    if (!topic.empty() && topic == out->source) ++out->source_workers;
    for (const Json& partition : LookAll(worker, {"partitions"})) {
      out->partitions.push_back({.topic = topic,
                                 .partition = LookNumber(partition, {"partition"}),
                                 .next_offset = LookNumber(partition, {"next_offset"}, -1),
                                 .end_offset = LookNumber(partition, {"end_offset"}, -1),
                                 .last_event = ReadTime(LookText(partition, {"last_event"})),
                                 .phase = LookText(partition, {"phase"}),
                                 .reason = LookText(partition, {"reason"}),
                                 .restored = Restored(partition)});
    }
  }
}

void ReadTroubles(const Json& status, PodFacts* out) {
  for (const Json& trouble : LookAll(status, {"troubles"})) {
    const std::string gravity = LookText(trouble, {"gravity"});
    const std::string text =
        absl::StrFormat("%s %s", LookText(trouble, {"what"}), LookText(trouble, {"do"}));
    if (gravity == "stopped") out->stopped.push_back(text);
    if (gravity == "harmed") out->harmed.push_back(text);
  }
  for (const Json& reason : LookAll(status, {"reasons"})) {
    if (reason.is_string()) out->waits_for.push_back(reason.get<std::string>());
  }
}

// Bounded, so that what pods of any version say adds up.
int64_t LookCount(const Json& recent, std::string_view name) {
  constexpr int64_t kCountMax = int64_t{1} << 48;
  return std::clamp<int64_t>(LookNumber(recent, {name}), 0, kCountMax);
}

void ReadStatus(const Json& status, PodFacts* out) {
  out->answers = true;
  out->version = LookText(status, {"version"});
  out->source = LookText(status, {"source"});
  out->source_partitions = LookNumber(status, {"source_partitions"});
  ReadTroubles(status, out);
  ReadPartitions(status, out);
  out->rule_set = LookText(status, {"rules", "hash"});
  for (const Json& team : LookAll(status, {"rules", "teams"})) {
    out->teams[LookText(team, {"team"})] = LookNumber(team, {"rules"});
  }
  for (const auto& [team, hash] : LookAll(status, {"rules", "team_hashes"}).items()) {
    if (hash.is_string()) out->team_hashes[team] = hash.get<std::string>();
  }
  for (const Json& team : LookAll(status, {"rules", "standing_aside"})) {
    out->aside[LookText(team, {"team"})] =
        absl::StrFormat("destination %s: %s (%s)", LookText(team, {"destination"}),
                        LookText(team, {"reason"}), LookText(team, {"cure"}));
  }
  for (const Json& one : LookAll(status, {"destinations_unwell"})) {
    out->ejected.push_back({LookText(one, {"destination"}), LookText(one, {"state"}),
                            LookText(one, {"why"}), LookNumber(one, {"waiting"})});
  }
  if (const Json* recent = Look(status, {"recent"}); recent != nullptr && recent->is_object()) {
    out->work = {.events = LookCount(*recent, "events"),
                 .dead_letters = LookCount(*recent, "dead_letters"),
                 .parked = LookCount(*recent, "parked"),
                 .transactions = LookCount(*recent, "transactions"),
                 .failed_transactions = LookCount(*recent, "failed_transactions")};
  }
  out->checkpoint_store = LookText(status, {"checkpoints", "store"});
  out->has_checkpoints = LookNumber(status, {"checkpoints", "tasks"}) > 0;
  const Json* age = Look(status, {"checkpoints", "oldest_age_seconds"});
  if (age != nullptr && age->is_number()) out->oldest_checkpoint_seconds = age->get<double>();
}

std::string ConfigMapOf(const Json& pod) {
  for (const Json& volume : LookAll(pod, {"spec", "volumes"})) {
    if (LookText(volume, {"name"}) == "config") return LookText(volume, {"configMap", "name"});
  }
  return "";
}

int OrdinalOf(const std::string& name) {
  const size_t dash = name.rfind('-');
  return dash == std::string::npos ? -1 : std::atoi(name.c_str() + dash + 1);
}

PodFacts ReadPod(const Json& observed, absl::Time now) {
  const Json& pod = LookAll(observed, {"pod"});
  PodFacts out;
  out.name = LookText(pod, {"metadata", "name"});
  out.pod_namespace = LookText(pod, {"metadata", "namespace"});
  out.uid = LookText(pod, {"metadata", "uid"});
  out.node = LookText(pod, {"spec", "nodeName"});
  out.ordinal = OrdinalOf(out.name);
  out.revision = LookText(pod, {"metadata", "annotations", kRevisionAnnotation});
  out.config_map = ConfigMapOf(pod);
  const std::string leaving = LookText(pod, {"metadata", "deletionTimestamp"});
  out.is_leaving = !leaving.empty();
  // The time of a deletion is when it should be over.
  out.is_lost = out.is_leaving && !out.node.empty() && now > ReadTime(leaving) + kLostAfter;
  if (const Json* ready = ConditionOf(pod, "Ready"); ready != nullptr && !out.is_leaving) {
    out.is_ready = LookText(*ready, {"status"}) == "True";
    if (out.is_ready) out.ready_since = ReadTime(LookText(*ready, {"lastTransitionTime"}));
  }
  out.fault = FaultOf(pod, out, now);
  out.error = LookText(observed, {"error"});
  if (const Json* status = Look(observed, {"status"}); status != nullptr) {
    if (status->is_object()) ReadStatus(*status, &out);
    if (status->is_string()) {
      const Json parsed = Json::parse(status->get<std::string>(), nullptr, false);
      if (parsed.is_object()) ReadStatus(parsed, &out);
    }
  }
  return out;
}

void AddLag(const PodFacts& pod, absl::Time now, LagFacts* lag) {
  if (!pod.answers) lag->is_known = false;
  for (const PartitionFacts& partition : pod.partitions) {
    ++lag->partitions;
    if (partition.next_offset < 0 || partition.end_offset < 0) {
      lag->is_known = false;
      continue;
    }
    const int64_t waiting = partition.end_offset - partition.next_offset;
    if (waiting <= 0) continue;
    lag->events += waiting;
    if (partition.last_event == absl::InfinitePast()) {
      lag->seconds = std::nullopt;
    } else if (lag->seconds) {
      lag->seconds = std::max(*lag->seconds, absl::ToInt64Seconds(now - partition.last_event));
    }
  }
}

}  // namespace

std::string PartitionKey(const PartitionFacts& partition, std::string_view source) {
  return partition.topic == source || partition.topic.empty()
             ? absl::StrFormat("%d", partition.partition)
             : absl::StrFormat("%s/%d", partition.topic, partition.partition);
}

std::vector<PodFacts> ReadPods(std::string_view pods, absl::Time now) {
  const Json json = Json::parse(pods, nullptr, false);
  std::vector<PodFacts> out;
  for (const Json& observed : json) {
    if (observed.is_object()) out.push_back(ReadPod(observed, now));
  }
  std::sort(out.begin(), out.end(), [](const PodFacts& a, const PodFacts& b) {
    return std::pair(a.ordinal, a.name) < std::pair(b.ordinal, b.name);
  });
  return out;
}

LagFacts LagOf(const PodFacts& pod, absl::Time now) {
  return LagOf(std::vector<PodFacts>{pod}, now);
}

LagFacts LagOf(const std::vector<PodFacts>& pods, absl::Time now) {
  LagFacts lag = {.seconds = 0, .is_known = true};
  bool is_any = false;
  for (const PodFacts& pod : pods) {
    if (pod.is_leaving) continue;
    is_any = true;
    AddLag(pod, now, &lag);
  }
  if (!is_any || lag.partitions == 0) lag.is_known = false;
  return lag;
}

}  // namespace turnout::controller

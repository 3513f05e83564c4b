#include "deploy/controller/drain.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_format.h"
#include "deploy/controller/conditions.h"
#include "deploy/controller/json_look.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

std::string KeyOf(const PartitionFacts& partition, const std::string& source) {
  return partition.topic == source || partition.topic.empty()
             ? absl::StrFormat("%d", partition.partition)
             : absl::StrFormat("%s/%d", partition.topic, partition.partition);
}

bool IsOfSource(const std::string& key) { return key.find('/') == std::string::npos; }

class Draining {
 public:
  Draining(DrainState* state, const std::vector<PodFacts>& pods) : state_(state), pods_(pods) {}

  // Events up to the ends that are kept, of the source or of what is re-keyed.
  int64_t Left(bool of_source) {
    int64_t left = 0;
    for (const PodFacts& pod : pods_) {
      if (pod.is_leaving) continue;
      for (const PartitionFacts& partition : pod.partitions) {
        const std::string key = KeyOf(partition, pod.source);
        if (IsOfSource(key) != of_source) continue;
        const int64_t end = state_->ends.try_emplace(key, partition.end_offset).first->second;
        if (partition.next_offset < end) left += end - partition.next_offset;
      }
    }
    return left;
  }

 private:
  DrainState* state_;
  const std::vector<PodFacts>& pods_;
};

}  // namespace

DrainState ReadDrain(std::string_view json) {
  const Json value = Json::parse(json, nullptr, false);
  if (!value.is_object() || value.empty()) return {};
  DrainState state = {.is_on = true,
                      .started = ReadTime(LookText(value, {"started"})),
                      .is_done = LookFlag(value, {"done"})};
  const Json& offsets = LookAll(value, {"offsets"});
  for (const auto& [partition, end] : offsets.items()) {
    if (end.is_number_integer()) state.ends[partition] = end.get<int64_t>();
  }
  return state;
}

std::string DrainJson(const DrainState& state) {
  if (!state.is_on) return "";
  Json out = {{"started", TimeText(state.started)}, {"done", state.is_done}};
  // No empty object: see RouterStatusJson.
  for (const auto& [partition, end] : state.ends) out["offsets"][partition] = end;
  return out.dump();
}

int64_t SourcePartitions(const std::vector<PodFacts>& pods, int64_t known) {
  for (const PodFacts& pod : pods) {
    for (const PartitionFacts& partition : pod.partitions) {
      if (partition.topic == pod.source) known = std::max(known, partition.partition + 1);
    }
  }
  return known;
}

std::optional<std::string> WhyBlind(const std::vector<PodFacts>& pods, const DrainScope& scope) {
  int seen = 0;
  std::set<int64_t> partitions;
  for (const PodFacts& pod : pods) {
    if (pod.is_leaving) continue;
    if (!pod.answers) return absl::StrFormat("%s does not answer (%s)", pod.name, pod.error);
    if (!pod.is_ready) return absl::StrFormat("%s is not ready", pod.name);
    ++seen;
    for (const PartitionFacts& partition : pod.partitions) {
      if (partition.next_offset < 0 || partition.end_offset < 0) {
        return absl::StrFormat("%s does not know the end of partition %d yet", pod.name,
                               partition.partition);
      }
      if (partition.topic == pod.source) partitions.insert(partition.partition);
    }
  }
  if (seen < scope.replicas) {
    return absl::StrFormat("%d of %d pods are there", seen, scope.replicas);
  }
  // While partitions change hands, nobody has some.
  const auto held = static_cast<int64_t>(partitions.size());
  if (held == 0 || held < SourcePartitions(pods, scope.source_partitions)) {
    return absl::StrFormat("partitions change hands, pods have %d of %d", held,
                           SourcePartitions(pods, scope.source_partitions));
  }
  return std::nullopt;
}

DrainAnswer StepDrain(const DrainState& before, const std::vector<PodFacts>& pods,
                      const DrainScope& scope, absl::Time now) {
  DrainAnswer answer = {.state = before};
  if (!before.is_on) answer.state = {.is_on = true, .started = now};
  if (answer.state.is_done) {
    answer.message = "all that the source held is routed";
    return answer;
  }
  if (scope.replicas == 0) {
    answer.message =
        "no pod runs, since spec.replicas is 0: set it to 1 or more, so that what waits is routed";
    return answer;
  }
  if (const std::optional<std::string> why = WhyBlind(pods, scope)) {
    answer.message = absl::StrFormat("how much waits can't be told: %s", *why);
    return answer;
  }
  Draining draining(&answer.state, pods);
  int64_t left = draining.Left(true);
  if (left == 0) left = draining.Left(false);
  answer.state.is_done = left == 0;
  answer.message = left == 0 ? "all that the source held is routed"
                             : absl::StrFormat("%d events of those that were there are left", left);
  return answer;
}

}  // namespace turnout::controller

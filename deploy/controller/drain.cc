#include "deploy/controller/drain.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_format.h"
#include "deploy/controller/conditions.h"
#include "deploy/controller/json_look.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

constexpr int64_t kPartitionMax = std::numeric_limits<int32_t>::max();

std::set<int64_t> HeldOfSource(const std::vector<PodFacts>& pods) {
  std::set<int64_t> held;
  for (const PodFacts& pod : pods) {
    if (pod.is_leaving) continue;
    for (const PartitionFacts& one : pod.partitions) {
      const bool is_number = one.partition >= 0 && one.partition <= kPartitionMax;
      if (is_number && one.topic == pod.source) held.insert(one.partition);
    }
  }
  return held;
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
        const std::string key = PartitionKey(partition, pod.source);
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
  int64_t told = 0;
  for (const PodFacts& pod : pods) told = std::max(told, pod.source_partitions);
  const std::set<int64_t> held = HeldOfSource(pods);
  return std::max(told > 0 ? told : known, held.empty() ? 0 : *held.rbegin() + 1);
}

std::optional<int64_t> HeldByNobody(const std::vector<PodFacts>& pods, int64_t source_partitions) {
  int64_t next = 0;
  for (const int64_t partition : HeldOfSource(pods)) {
    if (partition > next) break;
    next = partition + 1;
  }
  if (next >= std::max<int64_t>(source_partitions, 1)) return std::nullopt;
  return next;
}

std::optional<std::string> WhyBlind(const std::vector<PodFacts>& pods, const DrainScope& scope) {
  int seen = 0;
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
    }
  }
  if (seen < scope.replicas) {
    return absl::StrFormat("%d of %d pods are there", seen, scope.replicas);
  }
  const int64_t count = SourcePartitions(pods, scope.source_partitions);
  const std::optional<int64_t> missing = HeldByNobody(pods, count);
  if (!missing) return std::nullopt;
  // Some change hands, or are new.
  return absl::StrFormat(
      "nobody reads partition %d of the source: pods have %d of %d. Partitions that change hands "
      "or are new get to a pod within a minute",
      *missing, HeldOfSource(pods).size(), count);
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

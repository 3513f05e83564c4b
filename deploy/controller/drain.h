// Drain: whether all that the source held when it was asked for has been routed.
//
// The ends of all partitions are kept as they are first seen; a partition is done once its position
// reaches that end. So a source into which events still come is drained too. Where rules are
// re-keyed the second topic's ends are taken when the source is done, since what the source held
// goes through it.
//
// All of the source is seen only while somebody has each of its partitions. How many there are pods
// ask the brokers; where none of them knows, it is what was known last, or the most that they have.
//
// What is kept: the ends, and the number of partitions, in the router's status.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "deploy/controller/pod_facts.h"

namespace turnout::controller {

struct DrainState {
  bool is_on = false;
  absl::Time started = absl::InfinitePast();
  bool is_done = false;
  std::map<std::string, int64_t> ends;  // by PartitionKey
};

// JSON as in status.drain; what is no state is none, and none is an empty text.
DrainState ReadDrain(std::string_view json);
std::string DrainJson(const DrainState& state);

struct DrainAnswer {
  DrainState state;
  std::string message;  // how far it is, or why that can't be told
};

struct DrainScope {
  int replicas = 0;               // pods that there should be
  int64_t source_partitions = 0;  // SourcePartitions
};

// As pods know it, else as was `known`; no fewer than they have.
int64_t SourcePartitions(const std::vector<PodFacts>& pods, int64_t known);

// The first partition of the source that no pod has, of so many; nothing: they have all.
std::optional<int64_t> HeldByNobody(const std::vector<PodFacts>& pods, int64_t source_partitions);

// Why pods don't tell of all that waits in the source; nothing: they do.
std::optional<std::string> WhyBlind(const std::vector<PodFacts>& pods, const DrainScope& scope);

// Not done before all pods answer, and have all partitions between them.
DrainAnswer StepDrain(const DrainState& before, const std::vector<PodFacts>& pods,
                      const DrainScope& scope, absl::Time now);

}  // namespace turnout::controller

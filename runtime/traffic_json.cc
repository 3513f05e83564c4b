#include "runtime/traffic_json.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "runtime/log.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

uint64_t Sum(const std::array<uint64_t, router::kStepKinds>& counts) {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

Json RuleJson(const RuleTraffic& rule) {
  const RuleCounts& counts = rule.counts;
  return {{"team", WithoutSecrets(rule.team)},
          {"rule", WithoutSecrets(rule.rule)},
          {"matched", counts.matched},
          {"stopped", Sum(counts.stopped)},
          {"late", counts.late},
          {"rekeyed", counts.rekeyed},
          {"routed", counts.routed},
          {"parked", counts.parked},
          {"dead_lettered", counts.dead_lettered},
          {"state_full", counts.state_full},
          {"shadowed", counts.shadowed},
          {"shadow_dead_lettered", counts.shadow_dead_lettered},
          {"held_back", counts.held_back}};
}

Json DestinationJson(const DestinationTraffic& destination) {
  return {{"destination", WithoutSecrets(destination.topic)},
          {"sent", destination.sent},
          {"parked", destination.parked},
          {"dead_lettered", destination.dead_lettered},
          {"unavailable", destination.unavailable},
          {"latency_counts", destination.latency ? Json(destination.latency->counts) : Json()}};
}

uint64_t WeightOf(const RuleTraffic& rule) { return rule.counts.matched + rule.counts.routed; }
uint64_t WeightOf(const DestinationTraffic& destination) {
  return destination.sent + destination.parked + destination.dead_lettered;
}

// The busiest of them, in their own order.
template <typename Row>
Json RowsJson(const std::vector<Row>& rows, Json (*row_json)(const Row&)) {
  uint64_t weight_min = 0;
  if (rows.size() > kTrafficRowsMax) {
    std::vector<uint64_t> weights;
    for (const Row& row : rows) weights.push_back(WeightOf(row));
    const auto last = weights.begin() + kTrafficRowsMax - 1;
    std::nth_element(weights.begin(), last, weights.end(), std::greater<>());
    weight_min = *last;
  }
  Json json = Json::array();
  for (const Row& row : rows) {
    if (json.size() < kTrafficRowsMax && WeightOf(row) >= weight_min) json.push_back(row_json(row));
  }
  return json;
}

}  // namespace

std::string TrafficJson(const TrafficTotals& totals, absl::Time now) {
  const Json json = {{"at", absl::ToDoubleSeconds(now - absl::UnixEpoch())},
                     {"events", totals.events},
                     {"event_bytes", totals.event_bytes},
                     {"outputs", totals.outputs},
                     {"transactions", totals.transactions},
                     {"dead_letters", totals.dead_letters},
                     {"latency_bounds_ms", kLatencyBoundsMs},
                     {"latency_counts", totals.latency.counts},
                     {"rules_counted", totals.rules.size()},
                     {"rules", RowsJson(totals.rules, RuleJson)},
                     {"destinations_counted", totals.destinations.size()},
                     {"destinations", RowsJson(totals.destinations, DestinationJson)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace turnout::runtime

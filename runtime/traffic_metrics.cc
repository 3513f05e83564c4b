#include "runtime/traffic_metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/record_headers.h"

namespace turnout::runtime {
namespace {

void AddLatency(const LatencyHistogram& latency, MetricFamily* family, MetricLabels labels = {}) {
  std::array<double, kLatencyBoundsMs.size()> bounds_s{};
  std::transform(kLatencyBoundsMs.begin(), kLatencyBoundsMs.end(), bounds_s.begin(),
                 [](double bound_ms) { return bound_ms / 1000; });
  family->AddHistogram(latency.counts, bounds_s, latency.sum_ms / 1000, std::move(labels));
}

void CollectTotals(const TrafficTotals& totals, MetricFamilies* to) {
  const auto add = [to](const char* name, const char* help, uint64_t value) {
    AddMetric(name, help, MetricKind::kCounter, static_cast<double>(value), to);
  };
  add("turnout_events_consumed_total", "Source events committed.", totals.events);
  add("turnout_event_consumed_bytes_total", "Payload bytes of source events committed.",
      totals.event_bytes);
  add("turnout_outputs_produced_total", "Records committed to destinations.", totals.outputs);
  add("turnout_outputs_parked_total",
      "Outputs put into the parking topic: their destination is unwell, or others wait for it.",
      totals.parked);
  add("turnout_outputs_drained_total",
      "Parked outputs that were sent on, or dead-lettered at last.", totals.drained);
  add("turnout_transactions_committed_total", "Transactions committed.", totals.transactions);
  add("turnout_events_dead_lettered_total",
      "Events whose payload could not be read, or that were given up.", totals.unreadable);
  std::map<std::string, uint64_t> by_error = totals.dead_letters;
  for (const std::string_view error : kDeadLetterErrors) by_error.try_emplace(std::string(error));
  MetricFamily letters = {"turnout_dead_letters_total", "Records dead-lettered, by why.",
                          MetricKind::kCounter};
  for (const auto& [error, count] : by_error) {
    letters.Add(static_cast<double>(count), {{"error", error}});
  }
  to->push_back(std::move(letters));
  MetricFamily latency = {"turnout_event_latency_seconds",
                          "From an event's record timestamp to its commit.",
                          MetricKind::kHistogram};
  AddLatency(totals.latency, &latency);
  to->push_back(std::move(latency));
}

// A count of a rule. Most rules have no step and no rollout, so of those parts there is no series
// before there is something to count.
struct RuleCounter {
  const char* name;
  const char* help;
  uint64_t RuleCounts::*count;
  bool is_rare = false;
};
constexpr RuleCounter kRuleCounters[] = {
    {"turnout_rule_events_matched_total", "Events that matched a rule.", &RuleCounts::matched},
    {"turnout_rule_outputs_routed_total",
     "Records committed to destinations in the name of a rule.", &RuleCounts::routed},
    {"turnout_rule_outputs_dead_lettered_total",
     "Outputs of a rule that went to the dead-letter topic instead.", &RuleCounts::dead_lettered},
    {"turnout_rule_outputs_parked_total",
     "Outputs of a rule that went to the parking topic instead.", &RuleCounts::parked},
    {"turnout_rule_events_late_total",
     "Of the stopped matches, those that came too late to be counted.", &RuleCounts::late, true},
    {"turnout_rule_events_rekeyed_total",
     "Matches sent on to the partition where their next step keeps its key.", &RuleCounts::rekeyed,
     true},
    {"turnout_rule_events_state_full_total", "Matches rejected because the rule may keep no more.",
     &RuleCounts::state_full, true},
    {"turnout_rule_outputs_shadowed_total", "Records that a rule in shadow would have sent.",
     &RuleCounts::shadowed, true},
    {"turnout_rule_outputs_shadow_dead_lettered_total",
     "Outputs of a rule in shadow that would have gone to the dead-letter topic.",
     &RuleCounts::shadow_dead_lettered, true},
    {"turnout_rule_events_held_back_total",
     "Matches and windows outside of the percent of the rule's rollout.", &RuleCounts::held_back,
     true},
};

void CollectRules(const std::vector<RuleTraffic>& rules, MetricFamilies* to) {
  for (const RuleCounter& counter : kRuleCounters) {
    MetricFamily family = {counter.name, counter.help, MetricKind::kCounter};
    for (const RuleTraffic& rule : rules) {
      const uint64_t count = rule.counts.*counter.count;
      if (count == 0 && counter.is_rare) continue;
      family.Add(static_cast<double>(count), {{"rule", rule.rule}, {"team", rule.team}});
    }
    AddUnlessEmpty(std::move(family), to);
  }
  MetricFamily stopped = {"turnout_rule_events_stopped_total",
                          "Matches that a step of the rule let go no further.",
                          MetricKind::kCounter};
  for (const RuleTraffic& rule : rules) {
    for (size_t kind = 0; kind < rule.counts.stopped.size(); ++kind) {
      if (rule.counts.stopped[kind] == 0) continue;
      const std::string step(router::StepName(static_cast<router::StepKind>(kind)));
      stopped.Add(static_cast<double>(rule.counts.stopped[kind]),
                  {{"rule", rule.rule}, {"step", step}, {"team", rule.team}});
    }
  }
  AddUnlessEmpty(std::move(stopped), to);
  MetricFamily latency = {"turnout_rule_latency_seconds",
                          "From a record's timestamp to its commit, by rule.",
                          MetricKind::kHistogram};
  for (const RuleTraffic& rule : rules) {
    if (!rule.latency) continue;
    AddLatency(*rule.latency, &latency, {{"rule", rule.rule}, {"team", rule.team}});
  }
  AddUnlessEmpty(std::move(latency), to);
}

void CollectDestinations(const std::vector<DestinationTraffic>& destinations, MetricFamilies* to) {
  if (destinations.empty()) return;
  const auto add = [&](const char* name, const char* help, uint64_t DestinationTraffic::*count) {
    MetricFamily family = {name, help, MetricKind::kCounter};
    for (const DestinationTraffic& one : destinations) {
      family.Add(static_cast<double>(one.*count), {{"destination", one.topic}});
    }
    to->push_back(std::move(family));
  };
  add("turnout_destination_records_sent_total", "Records committed to a destination.",
      &DestinationTraffic::sent);
  add("turnout_destination_records_dead_lettered_total",
      "Records for a destination that went to the dead-letter topic instead.",
      &DestinationTraffic::dead_lettered);
  add("turnout_destination_records_parked_total",
      "Records for a destination that went to the parking topic instead.",
      &DestinationTraffic::parked);
  add("turnout_destination_unavailable_total",
      "Times a destination was found unable to take records.", &DestinationTraffic::unavailable);
  MetricFamily latency = {"turnout_destination_latency_seconds",
                          "From a record's timestamp to its commit, by destination.",
                          MetricKind::kHistogram};
  for (const DestinationTraffic& one : destinations) {
    if (one.latency) AddLatency(*one.latency, &latency, {{"destination", one.topic}});
  }
  AddUnlessEmpty(std::move(latency), to);
}

void CollectTeams(const std::map<std::string, LatencyHistogram>& teams, MetricFamilies* to) {
  MetricFamily latency = {"turnout_team_latency_seconds",
                          "From a record's timestamp to its commit, by team.",
                          MetricKind::kHistogram};
  for (const auto& [team, histogram] : teams) AddLatency(histogram, &latency, {{"team", team}});
  AddUnlessEmpty(std::move(latency), to);
}

}  // namespace

void CollectTraffic(const TrafficTotals& totals, MetricFamilies* to) {
  CollectTotals(totals, to);
  CollectRules(totals.rules, to);
  CollectDestinations(totals.destinations, to);
  CollectTeams(totals.teams, to);
}

}  // namespace turnout::runtime

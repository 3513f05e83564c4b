#include "runtime/pulse_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/status_json.h"
#include "runtime/troubles.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

// Of the ingestion topic; -1 where not even one partition's is known.
int64_t LagOf(const PipelineView& view) {
  int64_t lag = -1;
  for (const auto& [number, worker] : view.workers) {
    if (worker.status.topic != view.facts.source_topic) continue;
    for (const PartitionStatus& partition : worker.status.partitions) {
      if (partition.end_offset < 0 || partition.next_offset < 0) continue;
      lag = std::max<int64_t>(0, lag) +
            std::max<int64_t>(0, partition.end_offset - partition.next_offset);
    }
  }
  return lag;
}

std::string Cut(std::string text) {
  if (text.size() > kPulseTextBytesMax) text.resize(kPulseTextBytesMax);
  return text;
}

Json RuleJson(const RuleTraffic& rule) {
  const RuleCounts& counts = rule.counts;
  return {{"rule", absl::StrCat(rule.team, "/", rule.rule)},
          {"matched", counts.matched},
          {"sent", counts.routed},
          {"parked", counts.parked},
          {"dead_lettered", counts.dead_lettered},
          {"errors", counts.dead_lettered + counts.state_full}};
}

Json RulesJson(std::vector<RuleTraffic> rules) {
  const auto is_other = [](const RuleTraffic& rule) { return rule.team == kOtherSeries; };
  RuleTraffic other{.team = std::string(kOtherSeries), .rule = std::string(kOtherSeries)};
  bool has_other = false;
  const auto add = [&](const RuleTraffic& rule) {
    other.counts.Add(rule.counts);
    has_other = true;
  };
  for (const RuleTraffic& rule : rules) {
    if (is_other(rule)) add(rule);
  }
  std::erase_if(rules, is_other);
  std::erase_if(rules, [](const RuleTraffic& rule) {
    return rule.counts.matched == 0 && rule.counts.routed == 0;
  });
  if (rules.size() > kPulseRulesMax) {
    std::nth_element(rules.begin(), rules.begin() + kPulseRulesMax, rules.end(),
                     [](const RuleTraffic& a, const RuleTraffic& b) {
                       return a.counts.matched > b.counts.matched;
                     });
    for (size_t i = kPulseRulesMax; i < rules.size(); ++i) add(rules[i]);
    rules.erase(rules.begin() + kPulseRulesMax, rules.end());
  }
  if (has_other) rules.push_back(other);
  Json json = Json::array();
  for (const RuleTraffic& rule : rules) json.push_back(RuleJson(rule));
  return json;
}

}  // namespace

std::string PulseJson(const PipelineView& view, const TrafficTotals& totals,
                      const PulseExtras& extras) {
  Json troubles = Json::array();
  for (const Trouble& trouble : FindTroubles(view)) {
    if (troubles.size() == kPulseTroublesMax) break;
    troubles.push_back({{"gravity", GravityName(trouble.gravity)},
                        {"what", Cut(WithoutSecrets(trouble.what))},
                        {"cure", Cut(WithoutSecrets(trouble.cure))}});
  }
  Json json = {{"instance", view.facts.instance},
               {"started_ms", absl::ToUnixMillis(view.started)},
               {"uptime_ms", absl::ToInt64Milliseconds(view.now - view.started)},
               {"version", view.live_rules.origin.version},
               {"ready", extras.is_ready},
               {"samples", extras.shows_samples},
               {"lag", LagOf(view)},
               {"events", totals.events},
               {"troubles", std::move(troubles)},
               {"rules", RulesJson(totals.rules)}};
  std::string text = DumpJson(std::move(json), -1);
  if (extras.sample.empty()) return text;
  text.resize(text.rfind('}'));
  return absl::StrCat(text, ",\"sample\":", std::string(extras.sample), "}\n");
}

}  // namespace turnout::runtime

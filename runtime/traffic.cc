#include "runtime/traffic.h"

#include <algorithm>

namespace turnout::runtime {
namespace {

bool Has(const router::RuleSet& rules, const std::string& team, const std::string& name) {
  const std::string id = team + "/" + name;
  const auto at = std::lower_bound(
      rules.rules().begin(), rules.rules().end(), id,
      [](const router::RuleInfo& info, const std::string& sought) { return info.id < sought; });
  return at != rules.rules().end() && at->id == id;
}

}  // namespace

void Traffic::OnTransaction(const TransactionReport& report) {
  absl::MutexLock lock(&mu_);
  ++sums_.transactions;
  sums_.events += report.events;
  sums_.event_bytes += report.event_bytes;
  sums_.outputs += report.outputs;
  sums_.parked += report.parked;
  sums_.drained += report.drained;
  sums_.unreadable += report.dead_lettered_events;
  sums_.latency.Add(report.latency);
  for (const DeadLetterCount& letters : report.dead_letters) {
    sums_.dead_letters[std::string(letters.error)] += letters.count;
  }
  for (const DestinationCounts& counts : report.destinations) CountDestination(counts);
  for (const TeamLatency& sent : report.teams) CountTeam(sent);
  if (report.rules != nullptr) CountRules(report);
}

void Traffic::CountRules(const TransactionReport& report) {
  WorkerRules& worker = workers_[report.worker];
  if (worker.rules != report.rules) worker = {report.rules, {}};
  const std::vector<router::RuleInfo>& rules = report.rules->rules();
  for (size_t i = 0; i < report.rule_counts.size(); ++i) {
    const RuleCounts& counts = report.rule_counts[i];
    if (counts.rule >= rules.size()) continue;
    const router::RuleInfo& rule = rules[counts.rule];
    RuleSeries*& series = worker.by_rule[counts.rule];
    if (series == nullptr) series = SeriesOf(rule);
    series->counts.Add(counts);
    if (counts.routed == 0 || report.rule_latencies.empty()) continue;
    LatencyOf(series)->Add(report.rule_latencies[i]);
  }
}

Traffic::RuleSeries* Traffic::SeriesOf(const router::RuleInfo& rule) {
  RuleKey key(rule.team(), rule.name());
  const auto found = rules_.find(key);
  if (found != rules_.end()) return &found->second;
  const bool has_room = rules_.size() < static_cast<size_t>(limits_.rules_max);
  return has_room ? &rules_[std::move(key)] : OtherRules();
}

Traffic::RuleSeries* Traffic::OtherRules() { return &rules_[RuleKey(kOtherSeries, kOtherSeries)]; }

LatencyHistogram* Traffic::LatencyOf(RuleSeries* series) {
  if (!series->latency && rule_latencies_ >= limits_.latencies_max) series = OtherRules();
  if (!series->latency) {
    series->latency.emplace();
    ++rule_latencies_;
  }
  return &*series->latency;
}

void Traffic::CountDestination(const DestinationCounts& counts) {
  DestinationTraffic* const traffic = TrafficOf(counts.topic);
  traffic->sent += counts.sent;
  traffic->dead_lettered += counts.dead_lettered;
  traffic->parked += counts.parked;
  if (!traffic->latency && (latencies_ < limits_.latencies_max || traffic->topic == kOtherSeries)) {
    traffic->latency.emplace();
    ++latencies_;
  }
  if (traffic->latency) return traffic->latency->Add(counts.latency);
  DestinationTraffic* const other = TrafficOf(kOtherSeries);
  if (!other->latency) other->latency.emplace();
  other->latency->Add(counts.latency);
}

void Traffic::CountTeam(const TeamLatency& sent) {
  std::string team(sent.team);
  const bool has_room = sums_.teams.size() < static_cast<size_t>(limits_.latencies_max);
  if (!has_room && sums_.teams.count(team) == 0) team = kOtherSeries;
  sums_.teams[team].Add(sent.latency);
}

DestinationTraffic* Traffic::TrafficOf(std::string_view topic) {
  const auto found = destinations_.find(topic);
  if (found != destinations_.end()) return &found->second;
  const bool has_room = destinations_.size() < static_cast<size_t>(limits_.destinations_max);
  const std::string name(has_room ? topic : kOtherSeries);
  DestinationTraffic& traffic = destinations_[name];
  traffic.topic = name;
  return &traffic;
}

void Traffic::OnDestinationUnavailable(const std::string& topic) {
  absl::MutexLock lock(&mu_);
  ++TrafficOf(topic)->unavailable;
}

void Traffic::OnRuleSet(const router::RuleSet& rules) {
  absl::MutexLock lock(&mu_);
  workers_.clear();  // they point into what is about to go
  std::erase_if(rules_, [&](const auto& rule) {
    const auto& [team, name] = rule.first;
    const bool is_gone = team != kOtherSeries && !Has(rules, team, name);
    if (is_gone && rule.second.latency) --rule_latencies_;
    return is_gone;
  });
}

TrafficTotals Traffic::Totals() const {
  absl::MutexLock lock(&mu_);
  TrafficTotals totals = sums_;
  for (const auto& [key, series] : rules_) {
    totals.rules.push_back({key.first, key.second, series.counts, series.latency});
  }
  for (const auto& [topic, traffic] : destinations_) totals.destinations.push_back(traffic);
  return totals;
}

}  // namespace turnout::runtime

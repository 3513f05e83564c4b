#include "runtime/batch_counter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/string_view.h"

namespace turnout::runtime {
namespace {

// Destinations that are counted by name under one rule set; the rest is counted as `other`.
constexpr size_t kCountedTopicsMax = 100'000;

absl::string_view AbslView(std::string_view text) { return {text.data(), text.size()}; }

// As a rule names it, it may be a template.
bool IsOneTopic(std::string_view name) {
  return name.data() != nullptr && name.find('{') == std::string_view::npos;
}

}  // namespace

void BatchCounts::Clear() {
  events = event_bytes = outputs = parked = drained = dead_lettered_events = 0;
  rule_counts.clear();
  rule_latencies.clear();
  destinations.clear();
  teams.clear();
  dead_letters.clear();
  sent.clear();
  sent_for_rules.clear();
}

void BatchCounts::MeasureLatencies(LatencyMeter* meter) {
  for (const SentRecord& record : sent) {
    meter->Add(record.timestamp_ms, &destinations[record.destination].latency);
    meter->Add(record.timestamp_ms, &teams[record.team].latency);
  }
  rule_latencies.resize(rule_counts.size());
  for (const SentForRule& record : sent_for_rules) {
    meter->Add(record.timestamp_ms, &rule_latencies[record.rule]);
  }
}

void BatchCounter::UseRules(const router::RuleSet& rules) {
  Reset();
  place_of_topic_.clear();
  slot_of_rule_.assign(rules.rules().size(), 0);
  teams_.clear();
  team_of_rule_.clear();
  for (const router::RuleInfo& rule : rules.rules()) {  // a team's stand together
    if (teams_.empty() || teams_.back().name != rule.team()) teams_.push_back({rule.team(), {}});
    team_of_rule_.push_back(static_cast<uint32_t>(teams_.size() - 1));
  }
  teams_.push_back({kOtherSeries, {}});
}

void BatchCounter::ForgetPlaces() {
  for (const RuleCounts& counts : counts_.rule_counts) slot_of_rule_[counts.rule] = 0;
  ++batch_;
}

void BatchCounter::Reset() {
  ForgetPlaces();
  counts_.Clear();
}

void BatchCounter::Take(BatchCounts* counts) {
  ForgetPlaces();
  std::swap(*counts, counts_);
  counts_.Clear();
}

uint32_t BatchCounter::PlaceOf(router::RuleIndex rule) {
  uint32_t& slot = slot_of_rule_[rule];
  if (slot == 0) {
    counts_.rule_counts.push_back({.rule = rule});
    slot = static_cast<uint32_t>(counts_.rule_counts.size());
  }
  return slot - 1;
}

void BatchCounter::CountEvent(size_t bytes) {
  ++counts_.events;
  counts_.event_bytes += bytes;
}

void BatchCounter::CountMatches(const router::Routes& routes) {
  for (const router::RuleIndex rule : routes.matched) ++Of(rule).matched;
  for (const router::Stopped& stopped : routes.stopped) {
    RuleCounts& counts = Of(stopped.rule);
    ++counts.stopped[static_cast<size_t>(stopped.step)];
    counts.late += stopped.late;
  }
  for (const router::Shadowed& shadowed : routes.shadowed) ++Of(shadowed.rule).shadowed;
  for (const router::RuleIndex rule : routes.held_back) ++Of(rule).held_back;
  if (!routes.payload_error.ok()) return;
  for (const router::Rejection& rejection : routes.shadow_rejections) {
    RuleCounts& counts = Of(rejection.rule);
    ++counts.shadow_dead_lettered;
    counts.state_full += rejection.is_full;
  }
}

void BatchCounter::CountSent(std::string_view topic, int64_t timestamp_ms,
                             absl::Span<const router::RuleIndex> rules) {
  AddSent(topic, timestamp_ms, &teams_[team_of_rule_[rules.front()]]);
  for (const router::RuleIndex rule : rules) {
    const uint32_t place = PlaceOf(rule);
    ++counts_.rule_counts[place].routed;
    counts_.sent_for_rules.push_back({place, timestamp_ms});
  }
}

void BatchCounter::CountSentOn(std::string_view topic, int64_t timestamp_ms,
                               std::string_view team) {
  AddSent(topic, timestamp_ms, TeamNamed(team));
}

void BatchCounter::AddSent(std::string_view topic, int64_t timestamp_ms, Team* team) {
  ++counts_.outputs;
  const uint32_t place = PlaceOf(topic);
  ++counts_.destinations[place].sent;
  counts_.sent.push_back({place, PlaceOf(team), timestamp_ms});
}

void BatchCounter::CountParked(std::string_view topic, absl::Span<const router::RuleIndex> rules) {
  ++counts_.parked;
  CountSetAside(topic, rules);
}

void BatchCounter::CountSetAside(std::string_view topic,
                                 absl::Span<const router::RuleIndex> rules) {
  for (const router::RuleIndex rule : rules) ++Of(rule).parked;
  if (IsOneTopic(topic)) ++counts_.destinations[PlaceOf(topic)].parked;
}

void BatchCounter::CountDeadLetter(std::string_view error, std::string_view topic,
                                   absl::Span<const router::RuleIndex> rules) {
  for (const router::RuleIndex rule : rules) ++Of(rule).dead_lettered;
  if (IsOneTopic(topic)) ++counts_.destinations[PlaceOf(topic)].dead_lettered;
  std::vector<DeadLetterCount>& letters = counts_.dead_letters;
  auto of_kind = std::find_if(letters.begin(), letters.end(),
                              [&](const DeadLetterCount& one) { return one.error == error; });
  if (of_kind == letters.end()) of_kind = letters.insert(of_kind, {.error = error});
  ++of_kind->count;
}

uint32_t BatchCounter::PlaceOf(std::string_view topic) {
  auto known = place_of_topic_.find(AbslView(topic));
  if (known == place_of_topic_.end()) {
    const bool has_room = place_of_topic_.size() < kCountedTopicsMax;
    known = place_of_topic_.try_emplace(std::string(has_room ? topic : kOtherSeries)).first;
  }
  Place& at = known->second;
  if (at.batch != batch_) {
    at = {batch_, static_cast<uint32_t>(counts_.destinations.size())};
    counts_.destinations.push_back({.topic = known->first});
  }
  return at.place;
}

uint32_t BatchCounter::PlaceOf(Team* team) {
  Place& at = team->place;
  if (at.batch != batch_) {
    at = {batch_, static_cast<uint32_t>(counts_.teams.size())};
    counts_.teams.push_back({team->name, {}});
  }
  return at.place;
}

BatchCounter::Team* BatchCounter::TeamNamed(std::string_view name) {
  for (Team& team : teams_) {
    if (team.name == name) return &team;
  }
  return &teams_.back();
}

}  // namespace turnout::runtime

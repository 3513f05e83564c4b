// BatchCounter: counts what becomes of the events of one transaction, by rule, destination and
// team.
//
// Threads: one worker's own. Allocates nothing an event once warm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/types/span.h"
#include "router/router.h"
#include "runtime/worker_observer.h"

namespace turnout::runtime {

// A record that was produced, for its latency once it is committed.
struct SentRecord {
  uint32_t destination = 0;  // of BatchCounts::destinations
  uint32_t team = 0;         // of BatchCounts::teams
  int64_t timestamp_ms = 0;
};

// The same, for each rule that it was produced for.
struct SentForRule {
  uint32_t rule = 0;  // of BatchCounts::rule_counts
  int64_t timestamp_ms = 0;
};

// What became of the events of one transaction.
struct BatchCounts {
  uint64_t events = 0;
  uint64_t event_bytes = 0;
  uint64_t outputs = 0;
  uint64_t parked = 0;   // outputs
  uint64_t drained = 0;  // of those that were parked before, sent on
  uint64_t dead_lettered_events = 0;
  std::vector<RuleCounts> rule_counts;
  std::vector<LatencyHistogram> rule_latencies;  // of those, in their order
  std::vector<DestinationCounts> destinations;
  std::vector<TeamLatency> teams;
  std::vector<DeadLetterCount> dead_letters;
  std::vector<SentRecord> sent;
  std::vector<SentForRule> sent_for_rules;

  void Clear();
  // How long what was sent took until it was committed at this time.
  void MeasureLatencies(LatencyMeter* meter);
};

class BatchCounter {
 public:
  // Counts anew, what these rules do. Lifetime: the rules' until the next call.
  void UseRules(const router::RuleSet& rules);
  void Reset();
  // Hands the counts out, and begins anew. Lifetime of their names: until UseRules.
  void Take(BatchCounts* counts);
  const BatchCounts& counts() const { return counts_; }

  RuleCounts& Of(router::RuleIndex rule) { return counts_.rule_counts[PlaceOf(rule)]; }
  void CountEvent(size_t bytes);
  void CountUnread() { ++counts_.dead_lettered_events; }
  // Those matches of which nothing is sent are done with.
  void CountMatches(const router::Routes& routes);
  void CountSent(std::string_view topic, int64_t timestamp_ms,
                 absl::Span<const router::RuleIndex> rules);
  void CountParked(std::string_view topic, absl::Span<const router::RuleIndex> rules);
  // Of an output that was parked: sent on, or made a dead letter.
  void CountDrained() { ++counts_.drained; }
  void CountSentOn(std::string_view topic, int64_t timestamp_ms, std::string_view team);
  // `topic`: that the record was for, or its template; null data(): none.
  void CountDeadLetter(std::string_view error, std::string_view topic,
                       absl::Span<const router::RuleIndex> rules);
  // Of one whose table lacks the key.
  void CountSetAside(std::string_view topic, absl::Span<const router::RuleIndex> rules);

 private:
  // Where a topic or a team is counted, if it is in this batch already.
  struct Place {
    uint64_t batch = 0;
    uint32_t place = 0;
  };

  struct Team {
    std::string_view name;
    Place place;
  };

  // In counts_.rule_counts.
  uint32_t PlaceOf(router::RuleIndex rule);
  // In counts_.destinations.
  uint32_t PlaceOf(std::string_view topic);
  // In counts_.teams.
  uint32_t PlaceOf(Team* team);
  // The last one, if these rules have none of that name.
  Team* TeamNamed(std::string_view name);
  void AddSent(std::string_view topic, int64_t timestamp_ms, Team* team);
  void ForgetPlaces();

  BatchCounts counts_;
  std::vector<uint32_t> slot_of_rule_;  // position in counts_.rule_counts plus one; 0: none yet
  // Of the topics that these rules have come to.
  absl::node_hash_map<std::string, Place> place_of_topic_;
  std::vector<Team> teams_;             // of these rules, and `other` at the end
  std::vector<uint32_t> team_of_rule_;  // of teams_
  uint64_t batch_ = 1;                  // number of the one that is counted
};

}  // namespace turnout::runtime

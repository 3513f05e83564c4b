#include "runtime/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "runtime/live_rules_status.h"
#include "runtime/log.h"
#include "runtime/process_facts.h"
#include "runtime/record_headers.h"
#include "runtime/status_board.h"

namespace turnout::runtime {
namespace {

using prometheus::ClientMetric;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::MetricFamily;
using prometheus::MetricType;
using prometheus::Registry;

// Transactions take from about a millisecond to the transaction timeout.
const Histogram::BucketBoundaries kTransactionBounds = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60};

Family<Counter>& Counters(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
Family<Gauge>& Gauges(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}
Histogram& AddHistogram(Registry& registry, const char* name, const char* help,
                        const Histogram::BucketBoundaries& bounds) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, bounds);
}

// The families that are registered once and live as long as the process.
struct Families {
  explicit Families(Registry& r)
      : outcomes(Counters(r, "turnout_transaction_outcomes_total",
                          "Transactions that did not commit at the first try, by outcome.")),
        token_fetches(Counters(r, "turnout_token_fetches_total",
                               "OAUTHBEARER tokens asked for, by what came of it.")),
        rule_set_info(Gauges(r, "turnout_rule_set_info", "The rule set in force, by its hash: 1.")),
        file_refused(
            Gauges(r, "turnout_rule_file_refused", "1 for each rule file that was refused.")),
        team_aside(Gauges(r, "turnout_team_aside",
                          "1 for each team that stands aside for a destination.")),
        token_expiry(Gauges(r, "turnout_token_expiry_timestamp_seconds",
                            "When the OAUTHBEARER token at hand is over; 0: there is none.")),
        build_info(Gauges(r, "turnout_build_info", "What runs here: 1.")),
        rule_set_rules(Gauges(r, "turnout_rule_set_rules", "Rules in force.").Add({})),
        rule_set_version(
            Gauges(r, "turnout_rule_set_version", "Rule sets published since the start.").Add({})),
        rule_set_published(Gauges(r, "turnout_rule_set_published_timestamp_seconds",
                                  "When the rule set in force was published.")
                               .Add({})),
        rules_origin_reachable(Gauges(r, "turnout_rules_origin_reachable",
                                      "1 while rules can be had from where they come from, else 0.")
                                   .Add({})),
        rules_from_disk(Gauges(r, "turnout_rules_from_disk",
                               "1 while the rules are those kept on disk, else 0.")
                            .Add({})),
        rules_rolled_back(Gauges(r, "turnout_rules_rolled_back",
                                 "1 while rules from before were gone back to, else 0.")
                              .Add({})),
        rules_report_failures(Counters(r, "turnout_rules_report_failures_total",
                                       "Tries to report what became of the rules that failed.")
                                  .Add({})),
        brokers_reachable(
            Gauges(r, "turnout_brokers_reachable", "1 while brokers answer, else 0.").Add({})),
        ready(Gauges(r, "turnout_ready", "1 while /readyz says ready, else 0.").Add({})),
        duration(AddHistogram(r, "turnout_transaction_duration_seconds",
                              "A transaction from begin to committed.", kTransactionBounds)),
        commit_duration(AddHistogram(r, "turnout_transaction_commit_duration_seconds",
                                     "Of a transaction, its commit.", kTransactionBounds)) {}

  Family<Counter>&outcomes, &token_fetches;
  Family<Gauge>&rule_set_info, &file_refused, &team_aside, &token_expiry, &build_info;
  Gauge &rule_set_rules, &rule_set_version, &rule_set_published;
  Gauge &rules_origin_reachable, &rules_from_disk, &rules_rolled_back;
  Counter& rules_report_failures;
  Gauge &brokers_reachable, &ready;
  Histogram &duration, &commit_duration;
};

// What a worker's tasks keep, as it was last told.
struct WorkerSizes {
  std::shared_ptr<const router::RuleSet> rules;
  std::vector<router::StateSize> by_rule;
};

// A metric that is made up at the moment somebody asks.
MetricFamily Now(const char* name, const char* help, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}
void AddValue(MetricFamily* family, double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (family->type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family->metric.push_back(std::move(metric));
}

using Labels = std::vector<ClientMetric::Label>;

void AddHistogram(MetricFamily* family, absl::Span<const uint64_t> counts,
                  absl::Span<const double> bounds, double sum, Labels labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  uint64_t counted = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    counted += counts[i];
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({.cumulative_count = counted, .upper_bound = bound});
  }
  metric.histogram.sample_count = counted;
  metric.histogram.sample_sum = sum;
  family->metric.push_back(std::move(metric));
}

void AddLatency(MetricFamily* family, const LatencyHistogram& latency, Labels labels = {}) {
  std::array<double, kLatencyBoundsMs.size()> bounds_s{};
  std::transform(kLatencyBoundsMs.begin(), kLatencyBoundsMs.end(), bounds_s.begin(),
                 [](double bound_ms) { return bound_ms / 1000; });
  AddHistogram(family, latency.counts, bounds_s, latency.sum_ms / 1000, std::move(labels));
}

void CollectTotals(const TrafficTotals& totals, std::vector<MetricFamily>* to) {
  const auto add = [to](const char* name, const char* help, uint64_t value) {
    MetricFamily family = Now(name, help, MetricType::Counter);
    AddValue(&family, static_cast<double>(value));
    to->push_back(std::move(family));
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
  MetricFamily letters =
      Now("turnout_dead_letters_total", "Records dead-lettered, by why.", MetricType::Counter);
  for (const auto& [error, count] : by_error) {
    AddValue(&letters, static_cast<double>(count), {{"error", error}});
  }
  to->push_back(std::move(letters));
  MetricFamily latency =
      Now("turnout_event_latency_seconds", "From an event's record timestamp to its commit.",
          MetricType::Histogram);
  AddLatency(&latency, totals.latency);
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

void CollectRules(const std::vector<RuleTraffic>& rules, std::vector<MetricFamily>* to) {
  for (const RuleCounter& counter : kRuleCounters) {
    MetricFamily family = Now(counter.name, counter.help, MetricType::Counter);
    for (const RuleTraffic& rule : rules) {
      const uint64_t count = rule.counts.*counter.count;
      if (count == 0 && counter.is_rare) continue;
      AddValue(&family, static_cast<double>(count), {{"rule", rule.rule}, {"team", rule.team}});
    }
    if (!family.metric.empty()) to->push_back(std::move(family));
  }
  MetricFamily stopped =
      Now("turnout_rule_events_stopped_total", "Matches that a step of the rule let go no further.",
          MetricType::Counter);
  for (const RuleTraffic& rule : rules) {
    for (size_t kind = 0; kind < rule.counts.stopped.size(); ++kind) {
      if (rule.counts.stopped[kind] == 0) continue;
      const std::string step(router::StepName(static_cast<router::StepKind>(kind)));
      AddValue(&stopped, static_cast<double>(rule.counts.stopped[kind]),
               {{"rule", rule.rule}, {"step", step}, {"team", rule.team}});
    }
  }
  if (!stopped.metric.empty()) to->push_back(std::move(stopped));
}

void CollectDestinations(const std::vector<DestinationTraffic>& destinations,
                         std::vector<MetricFamily>* to) {
  if (destinations.empty()) return;
  const auto add = [&](const char* name, const char* help, uint64_t DestinationTraffic::*count) {
    MetricFamily family = Now(name, help, MetricType::Counter);
    for (const DestinationTraffic& one : destinations) {
      AddValue(&family, static_cast<double>(one.*count), {{"destination", one.topic}});
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
  MetricFamily latency =
      Now("turnout_destination_latency_seconds",
          "From a record's timestamp to its commit, by destination.", MetricType::Histogram);
  for (const DestinationTraffic& one : destinations) {
    if (one.latency) AddLatency(&latency, *one.latency, {{"destination", one.topic}});
  }
  if (!latency.metric.empty()) to->push_back(std::move(latency));
}

void CollectProcess(std::vector<MetricFamily>* to) {
  const ProcessFacts facts = ReadProcessFacts();
  const auto add = [to](const char* name, const char* help, MetricType type, double value) {
    MetricFamily family = Now(name, help, type);
    AddValue(&family, value);
    to->push_back(std::move(family));
  };
  const auto count = [](int64_t value) { return static_cast<double>(value); };
  add("process_cpu_seconds_total", "CPU time of this process, user and system.",
      MetricType::Counter, facts.cpu_seconds);
  add("process_start_time_seconds", "When this process started.", MetricType::Gauge,
      facts.start_time_seconds);
  add("process_resident_memory_bytes", "Memory in RAM.", MetricType::Gauge,
      count(facts.resident_bytes));
  add("process_virtual_memory_bytes", "Address space.", MetricType::Gauge,
      count(facts.virtual_bytes));
  add("process_threads", "Threads.", MetricType::Gauge, count(facts.threads));
  add("process_open_fds", "Open file descriptors.", MetricType::Gauge, count(facts.open_fds));
  add("process_max_fds", "File descriptors allowed; 0 without a limit.", MetricType::Gauge,
      count(facts.fds_max));
}

}  // namespace

struct Metrics::Impl {
  Impl(MetricsOptions with, Clock* on)
      : options(std::move(with)), clock(on), families(registry), traffic(options.limits) {}

  void CollectWorkers(std::vector<MetricFamily>* to) const;
  void CollectStates(std::vector<MetricFamily>* to) const;
  void CollectRuleSizes(std::vector<MetricFamily>* to) const;
  void CollectTables(std::vector<MetricFamily>* to) const;

  const MetricsOptions options;
  Clock* const clock;
  Registry registry;
  Families families;

  Traffic traffic;

  mutable absl::Mutex mu;
  std::map<int, WorkerStatus> workers ABSL_GUARDED_BY(mu);
  std::map<int, WorkerSizes> sizes ABSL_GUARDED_BY(mu);
  std::map<int, absl::Time> open_since ABSL_GUARDED_BY(mu);  // transactions
  std::vector<Gauge*> files_refused ABSL_GUARDED_BY(mu);
  std::vector<Gauge*> teams_aside ABSL_GUARDED_BY(mu);
  Gauge* rule_set ABSL_GUARDED_BY(mu) = nullptr;
  StateServiceStats states ABSL_GUARDED_BY(mu);
  uint64_t state_memory_bytes ABSL_GUARDED_BY(mu) = 0;
  std::vector<TableStatus> tables ABSL_GUARDED_BY(mu);
};

// Of all workers together; beyond the limit all rules as one.
void Metrics::Impl::CollectRuleSizes(std::vector<MetricFamily>* to) const {
  std::map<std::pair<std::string, std::string>, router::StateSize> by_rule;
  absl::MutexLock lock(&mu);
  for (const auto& [worker, told] : sizes) {
    for (size_t i = 0; i < told.by_rule.size(); ++i) {
      if (told.by_rule[i].entries == 0) continue;
      const router::RuleInfo& rule = told.rules->rules()[i];
      auto key = std::make_pair(std::string(rule.team()), std::string(rule.name()));
      const bool has_room = by_rule.size() < static_cast<size_t>(options.limits.rules_max);
      if (!has_room && by_rule.count(key) == 0)
        key = {std::string(kOtherSeries), std::string(kOtherSeries)};
      by_rule[key].Add(told.by_rule[i]);
    }
  }
  MetricFamily bytes =
      Now("turnout_rule_state_bytes", "What a rule's steps remember here.", MetricType::Gauge);
  MetricFamily entries =
      Now("turnout_rule_state_entries", "Entries of it: keys, panes of keys.", MetricType::Gauge);
  for (const auto& [rule, size] : by_rule) {
    const std::vector<ClientMetric::Label> labels = {{"team", rule.first}, {"rule", rule.second}};
    AddValue(&bytes, static_cast<double>(size.bytes), labels);
    AddValue(&entries, static_cast<double>(size.entries), labels);
  }
  to->push_back(std::move(bytes));
  to->push_back(std::move(entries));
}

void Metrics::Impl::CollectWorkers(std::vector<MetricFamily>* to) const {
  MetricFamily by_state = Now("turnout_workers", "Workers by state.", MetricType::Gauge);
  MetricFamily records =
      Now("turnout_partition_lag_records", "Source records not yet committed.", MetricType::Gauge);
  MetricFamily seconds =
      Now("turnout_partition_lag_seconds",
          "Age of the last committed event while records wait, else 0.", MetricType::Gauge);
  MetricFamily unwell =
      Now("turnout_destinations_unwell", "Destinations that a worker parks outputs for, or drains.",
          MetricType::Gauge);
  MetricFamily waiting =
      Now("turnout_outputs_waiting",
          "Records in the parking topic that wait for their destination.", MetricType::Gauge);
  MetricFamily lost = Now("turnout_outputs_parked_lost_total",
                          "Records that the parking topic had lost when they were to be sent on.",
                          MetricType::Counter);
  double waiting_total = 0;
  double lost_total = 0;
  std::set<std::string> unwell_destinations;
  std::map<std::string, int> worker_states = {
      {"starting", 0}, {"running", 0}, {"waiting", 0}, {"stopped", 0}};
  const absl::Time now = clock->Now();
  absl::MutexLock lock(&mu);
  for (const auto& [index, worker] : workers) {
    ++worker_states[std::string(StateName(worker.state))];
    lost_total += static_cast<double>(worker.parked_lost);
    for (const BulkheadStatus& bulkhead : worker.bulkheads) {
      unwell_destinations.insert(bulkhead.destination);
      waiting_total += static_cast<double>(bulkhead.waiting);
    }
    for (const PartitionStatus& partition : worker.partitions) {
      if (partition.end_offset < 0) continue;
      // With nothing committed yet the whole log may be ahead: the most it can be.
      const int64_t lag =
          std::max<int64_t>(0, partition.end_offset - std::max<int64_t>(0, partition.next_offset));
      const std::vector<ClientMetric::Label> label = {
          {"topic", worker.topic}, {"partition", std::to_string(partition.partition)}};
      AddValue(&records, static_cast<double>(lag), label);
      if (lag == 0) {
        AddValue(&seconds, 0, label);
      } else if (partition.last_event_time > absl::UnixEpoch()) {
        AddValue(&seconds, std::max(0.0, absl::ToDoubleSeconds(now - partition.last_event_time)),
                 label);
      }
    }
  }
  for (const auto& [state, count] : worker_states) AddValue(&by_state, count, {{"state", state}});
  absl::Duration open_for;
  for (const auto& [index, since] : open_since) {
    if (since != absl::InfinitePast()) open_for = std::max(open_for, now - since);
  }
  MetricFamily open = Now("turnout_transaction_open_seconds",
                          "Age of the oldest open transaction; 0: none is.", MetricType::Gauge);
  AddValue(&open, absl::ToDoubleSeconds(open_for));
  to->push_back(std::move(open));
  AddValue(&unwell, static_cast<double>(unwell_destinations.size()));
  AddValue(&waiting, waiting_total);
  AddValue(&lost, lost_total);
  for (MetricFamily* family : {&by_state, &records, &seconds, &unwell, &waiting, &lost}) {
    if (!family->metric.empty()) to->push_back(std::move(*family));
  }
}

void Metrics::Impl::CollectTables(std::vector<MetricFamily>* to) const {
  absl::MutexLock lock(&mu);
  if (tables.empty()) return;
  const auto add = [&](const char* name, const char* help, MetricType type,
                       double (*value)(const TableStatus&)) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    MetricFamily family = Now(name, help, type);
    for (const TableStatus& table : tables) {
      AddValue(&family, value(table), {{"table", table.name}});
    }
    to->push_back(std::move(family));
  };
  add("turnout_table_loaded", "1 while rules can be enriched from the table, else 0.",
      MetricType::Gauge, [](const TableStatus& t) { return t.loaded ? 1.0 : 0.0; });
  add("turnout_table_refused", "1 for a table that takes more disk than it may, else 0.",
      MetricType::Gauge, [](const TableStatus& t) { return t.refused ? 1.0 : 0.0; });
  add("turnout_table_entries", "Keys of the table, roughly.", MetricType::Gauge,
      [](const TableStatus& t) { return static_cast<double>(t.entries_estimate); });
  add("turnout_table_disk_bytes", "Files of the table.", MetricType::Gauge,
      [](const TableStatus& t) { return static_cast<double>(t.disk_bytes); });
  add("turnout_table_lag_records", "Offsets of its topic not yet applied.", MetricType::Gauge,
      [](const TableStatus& t) { return static_cast<double>(t.lag); });
  add("turnout_table_last_change_timestamp_seconds", "When a record was last applied; 0: never.",
      MetricType::Gauge, [](const TableStatus& t) {
        return t.last_change == absl::InfinitePast()
                   ? 0.0
                   : absl::ToDoubleSeconds(t.last_change - absl::UnixEpoch());
      });
  add("turnout_table_records_total", "Records of its topic applied.", MetricType::Counter,
      [](const TableStatus& t) { return static_cast<double>(t.records); });
  add("turnout_table_read_anew_total", "Times it was emptied and read again.", MetricType::Counter,
      [](const TableStatus& t) { return static_cast<double>(t.anew); });
  add("turnout_table_records_skipped_total", "Of them, those that are no table's.",
      MetricType::Counter, [](const TableStatus& t) { return static_cast<double>(t.skipped); });
}

void Metrics::Impl::CollectStates(std::vector<MetricFamily>* to) const {
  absl::MutexLock lock(&mu);
  const auto add = [to](const char* name, const char* help, MetricType type, double value) {
    MetricFamily family = Now(name, help, type);
    AddValue(&family, value, {});
    to->push_back(std::move(family));
  };
  std::map<std::string, int> phases = {
      {"recovering", 0}, {"refused", 0}, {"replaying", 0}, {"live", 0}};
  int64_t records_left = 0;
  absl::Duration restore_left = states.restore_left;
  for (const auto& [index, worker] : workers) {
    for (const PartitionStatus& partition : worker.partitions) {
      ++phases[std::string(PhaseName(partition.phase))];
      if (partition.phase != TaskPhase::kReplaying) continue;
      records_left += std::max<int64_t>(0, partition.next_offset - partition.replay_offset);
      if (partition.replay_left == absl::InfiniteDuration()) continue;
      restore_left = std::max(restore_left, partition.replay_left);
    }
  }
  MetricFamily tasks = Now("turnout_tasks", "Partitions by phase.", MetricType::Gauge);
  for (const auto& [phase, count] : phases) AddValue(&tasks, count, {{"phase", phase}});
  to->push_back(std::move(tasks));
  add("turnout_state_tasks", "Partitions that keep state.", MetricType::Gauge,
      static_cast<double>(states.tasks));
  add("turnout_state_disk_bytes", "Files of their states.", MetricType::Gauge,
      static_cast<double>(states.disk_bytes));
  add("turnout_state_entries", "Entries of their states, roughly.", MetricType::Gauge,
      static_cast<double>(states.entries_estimate));
  add("turnout_state_memory_bytes", "Cache and memtables of their states.", MetricType::Gauge,
      static_cast<double>(state_memory_bytes));
  add("turnout_state_stores_removed_total", "Stores of partitions that moved away, removed here.",
      MetricType::Counter, static_cast<double>(states.unused_stores_removed));
  add("turnout_checkpoints_published_total", "Checkpoints published.", MetricType::Counter,
      static_cast<double>(states.checkpoints));
  add("turnout_checkpoint_sent_bytes_total", "Bytes sent for them.", MetricType::Counter,
      static_cast<double>(states.checkpoint_bytes));
  add("turnout_checkpoint_failures_total", "Checkpoints that could not be taken.",
      MetricType::Counter, static_cast<double>(states.checkpoint_failures));
  add("turnout_checkpoint_oldest_age_seconds",
      "Age of the newest checkpoint of the partition where it is oldest.", MetricType::Gauge,
      absl::ToDoubleSeconds(states.oldest_checkpoint));
  add("turnout_checkpoint_overdue_tasks",
      "Partitions that changed and have had no checkpoint for five intervals.", MetricType::Gauge,
      static_cast<double>(states.overdue_tasks));
  add("turnout_checkpoint_size_bytes", "The newest checkpoints of the partitions that are here.",
      MetricType::Gauge, static_cast<double>(states.newest_checkpoint_bytes));
  MetricFamily duration = Now("turnout_checkpoint_duration_seconds",
                              "Taking a checkpoint and sending it.", MetricType::Histogram);
  AddHistogram(&duration, states.checkpoint_durations, kCheckpointBoundsSeconds,
               absl::ToDoubleSeconds(states.checkpoint_duration_sum));
  to->push_back(std::move(duration));
  add("turnout_restore_bytes_left", "Of the checkpoints that are being brought back.",
      MetricType::Gauge, static_cast<double>(states.restore_bytes_left));
  add("turnout_restore_records_left", "Records that are yet to be replayed.", MetricType::Gauge,
      static_cast<double>(records_left));
  add("turnout_restore_left_seconds",
      "How long the restores under way take yet, as far as they can tell; 0: there is none.",
      MetricType::Gauge, absl::ToDoubleSeconds(restore_left));
}

Metrics::Metrics(MetricsOptions options, Clock* clock)
    : impl_(std::make_unique<Impl>(std::move(options), clock)) {
  impl_->families.build_info
      .Add({{"version", impl_->options.version},
            {"librdkafka", impl_->options.kafka_library_version},
            {"delivery", impl_->options.delivery}})
      .Set(1);
  for (const TransactionOutcome outcome :
       {TransactionOutcome::kRetried, TransactionOutcome::kAborted, TransactionOutcome::kFenced,
        TransactionOutcome::kFatal}) {
    impl_->families.outcomes.Add({{"outcome", std::string(OutcomeName(outcome))}});
  }
}

Metrics::~Metrics() = default;

void Metrics::OnTransaction(const TransactionReport& report) {
  impl_->families.duration.Observe(absl::ToDoubleSeconds(report.duration));
  impl_->families.commit_duration.Observe(absl::ToDoubleSeconds(report.commit_duration));
  impl_->traffic.OnTransaction(report);
}

void Metrics::OnOutcome(int, TransactionOutcome outcome, const absl::Status&) {
  impl_->families.outcomes.Add({{"outcome", std::string(OutcomeName(outcome))}}).Increment();
}

void Metrics::OnOpenTransaction(int worker, absl::Time since) {
  absl::MutexLock lock(&impl_->mu);
  impl_->open_since[worker] = since;
}

void Metrics::OnStatus(const WorkerStatus& status) {
  absl::MutexLock lock(&impl_->mu);
  impl_->workers[status.worker] = status;
}

void Metrics::OnStateSizes(int worker, const std::shared_ptr<const router::RuleSet>& rules,
                           std::vector<router::StateSize> by_rule) {
  absl::MutexLock lock(&impl_->mu);
  impl_->sizes[worker] = {rules, std::move(by_rule)};
}

void Metrics::OnDestinationUnavailable(const std::string& topic, const std::string&) {
  impl_->traffic.OnDestinationUnavailable(topic);
}

void Metrics::OnStates(const StateServiceStats& stats, uint64_t memory_bytes) {
  absl::MutexLock lock(&impl_->mu);
  impl_->states = stats;
  impl_->state_memory_bytes = memory_bytes;
}

void Metrics::OnTables(std::vector<TableStatus> tables) {
  absl::MutexLock lock(&impl_->mu);
  impl_->tables = std::move(tables);
}

void Metrics::OnRuleSet(const router::RuleSet& rules, absl::Time published) {
  Families& f = impl_->families;
  f.rule_set_rules.Set(static_cast<double>(rules.rules().size()));
  f.rule_set_version.Increment();
  f.rule_set_published.Set(absl::ToDoubleSeconds(published - absl::UnixEpoch()));
  impl_->traffic.OnRuleSet(rules);

  absl::MutexLock lock(&impl_->mu);
  if (impl_->rule_set != nullptr) f.rule_set_info.Remove(impl_->rule_set);
  impl_->rule_set = &f.rule_set_info.Add({{"hash", rules.hash()}});
  impl_->rule_set->Set(1);
  impl_->sizes.clear();  // they are told again soon
}

void Metrics::OnLiveRules(const LiveRulesStatus& rules) {
  Families& families = impl_->families;
  families.rules_origin_reachable.Set(rules.origin.has_answered && rules.origin.problem.empty());
  families.rules_from_disk.Set(rules.is_from_disk);
  families.rules_rolled_back.Set(rules.rollback.has_value());
  if (!rules.reports.has_value()) return;
  Counter& failures = families.rules_report_failures;
  failures.Increment(static_cast<double>(rules.reports->failures) - failures.Value());
}

void Metrics::OnTeams(const std::vector<std::string>& refused_files,
                      const std::vector<std::string>& aside) {
  absl::MutexLock lock(&impl_->mu);
  const auto renew = [](Family<Gauge>& family, const char* label, std::vector<Gauge*>* gauges,
                        const std::vector<std::string>& names) {
    for (Gauge* gauge : *gauges) family.Remove(gauge);
    gauges->clear();
    // A team may be named twice (two destinations); Family::Add would give the same gauge again.
    for (const std::string& name : std::set<std::string>(names.begin(), names.end())) {
      gauges->push_back(&family.Add({{label, name}}));
      gauges->back()->Set(1);
    }
  };
  renew(impl_->families.file_refused, "file", &impl_->files_refused, refused_files);
  renew(impl_->families.team_aside, "team", &impl_->teams_aside, aside);
}

void Metrics::OnBrokers(bool reachable) { impl_->families.brokers_reachable.Set(reachable); }

void Metrics::OnToken(const TokenReport& report) {
  Families& f = impl_->families;
  f.token_fetches.Add({{"outcome", report.status.ok() ? "fetched" : "failed"}}).Increment();
  const bool has_token = report.expires != absl::InfinitePast();
  f.token_expiry.Add({}).Set(has_token ? absl::ToDoubleSeconds(report.expires - absl::UnixEpoch())
                                       : 0);
}

void Metrics::OnReady(bool ready) { impl_->families.ready.Set(ready); }

TrafficTotals Metrics::traffic() const { return impl_->traffic.Totals(); }

std::string Metrics::Text() const {
  std::vector<MetricFamily> families = impl_->registry.Collect();
  const TrafficTotals totals = impl_->traffic.Totals();
  CollectTotals(totals, &families);
  CollectRules(totals.rules, &families);
  CollectDestinations(totals.destinations, &families);
  impl_->CollectWorkers(&families);
  impl_->CollectStates(&families);
  impl_->CollectRuleSizes(&families);
  impl_->CollectTables(&families);
  CollectProcess(&families);
  for (MetricFamily& family : families) {
    for (ClientMetric& metric : family.metric) {
      for (ClientMetric::Label& label : metric.label) label.value = WithoutSecrets(label.value);
    }
  }
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace turnout::runtime

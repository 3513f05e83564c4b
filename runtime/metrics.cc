#include "runtime/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "runtime/live_rules_status.h"
#include "runtime/log.h"
#include "runtime/process_facts.h"
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
constexpr char kOther[] = "other";

Histogram::BucketBoundaries LatencyBounds() {
  Histogram::BucketBoundaries bounds;
  for (const double bound_ms : kLatencyBoundsMs) bounds.push_back(bound_ms / 1000);
  return bounds;
}

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
      : matched(Counters(r, "turnout_rule_events_matched_total", "Events that matched a rule.")),
        stopped(Counters(r, "turnout_rule_events_stopped_total",
                         "Matches that a step of the rule let go no further.")),
        late(Counters(r, "turnout_rule_events_late_total",
                      "Of the stopped matches, those that came too late to be counted.")),
        rekeyed(Counters(r, "turnout_rule_events_rekeyed_total",
                         "Matches sent on to the partition where their next step keeps its key.")),
        state_full(Counters(r, "turnout_rule_events_state_full_total",
                            "Matches rejected because the rule may keep no more.")),
        shadowed(Counters(r, "turnout_rule_outputs_shadowed_total",
                          "Records that a rule in shadow would have sent.")),
        shadow_dead_lettered(
            Counters(r, "turnout_rule_outputs_shadow_dead_lettered_total",
                     "Outputs of a rule in shadow that would have gone to the dead-letter topic.")),
        held_back(Counters(r, "turnout_rule_events_held_back_total",
                           "Matches and windows outside of the percent of the rule's rollout.")),
        routed(Counters(r, "turnout_rule_outputs_routed_total",
                        "Records committed to destinations in the name of a rule.")),
        dead_lettered(Counters(r, "turnout_rule_outputs_dead_lettered_total",
                               "Outputs of a rule that went to the dead-letter topic instead.")),
        outcomes(Counters(r, "turnout_transaction_outcomes_total",
                          "Transactions that did not commit at the first try, by outcome.")),
        token_fetches(Counters(r, "turnout_token_fetches_total",
                               "OAUTHBEARER tokens asked for, by what came of it.")),
        unavailable(Counters(r, "turnout_destination_unavailable_total",
                             "Times a destination was found unable to take records.")),
        rule_set_info(Gauges(r, "turnout_rule_set_info", "The rule set in force, by its hash: 1.")),
        file_refused(
            Gauges(r, "turnout_rule_file_refused", "1 for each rule file that was refused.")),
        team_aside(Gauges(r, "turnout_team_aside",
                          "1 for each team that stands aside for a destination.")),
        token_expiry(Gauges(r, "turnout_token_expiry_timestamp_seconds",
                            "When the OAUTHBEARER token at hand is over; 0: there is none.")),
        build_info(Gauges(r, "turnout_build_info", "What runs here: 1.")),
        events(Counters(r, "turnout_events_consumed_total", "Source events committed.").Add({})),
        event_bytes(Counters(r, "turnout_event_consumed_bytes_total",
                             "Payload bytes of source events committed.")
                        .Add({})),
        outputs(Counters(r, "turnout_outputs_produced_total", "Records committed to destinations.")
                    .Add({})),
        unreadable(Counters(r, "turnout_events_dead_lettered_total",
                            "Events whose payload could not be read.")
                       .Add({})),
        transactions(
            Counters(r, "turnout_transactions_committed_total", "Transactions committed.").Add({})),
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
        latency(AddHistogram(r, "turnout_event_latency_seconds",
                             "From an event's record timestamp to its commit.", LatencyBounds())),
        duration(AddHistogram(r, "turnout_transaction_duration_seconds",
                              "A transaction from begin to committed.", kTransactionBounds)),
        commit_duration(AddHistogram(r, "turnout_transaction_commit_duration_seconds",
                                     "Of a transaction, its commit.", kTransactionBounds)) {}

  Family<Counter>&matched, &stopped, &late, &rekeyed, &state_full;
  Family<Counter>&shadowed, &shadow_dead_lettered, &held_back, &routed, &dead_lettered;
  Family<Counter>&outcomes, &token_fetches, &unavailable;
  Family<Gauge>&rule_set_info, &file_refused, &team_aside, &token_expiry, &build_info;
  Counter &events, &event_bytes, &outputs, &unreadable, &transactions;
  Gauge &rule_set_rules, &rule_set_version, &rule_set_published;
  Gauge &rules_origin_reachable, &rules_from_disk, &rules_rolled_back;
  Counter& rules_report_failures;
  Gauge &brokers_reachable, &ready;
  Histogram &latency, &duration, &commit_duration;
};

// The counters of one rule.
struct RuleSeries {
  Counter* matched = nullptr;
  Counter* routed = nullptr;
  Counter* dead_lettered = nullptr;
  // Made when there is something to count: most rules have no step and no rollout.
  std::array<Counter*, router::kStepKinds> stopped{};
  Counter* late = nullptr;
  Counter* rekeyed = nullptr;
  Counter* state_full = nullptr;
  Counter* shadowed = nullptr;
  Counter* shadow_dead_lettered = nullptr;
  Counter* held_back = nullptr;
};

// Counter pointers for the rules of the rule set that a worker last reported on. Those that it has
// matched, not all: a worker pays for this in its first transaction under new rules.
struct WorkerSeries {
  std::shared_ptr<const router::RuleSet> rules;
  absl::flat_hash_map<router::RuleIndex, RuleSeries> by_rule;
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
  Impl(MetricsOptions with, Clock* on) : options(std::move(with)), clock(on), families(registry) {}

  RuleSeries SeriesOf(const router::RuleInfo& rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void CountParts(const router::RuleInfo& rule, const RuleCounts& counts, RuleSeries* series)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void CollectWorkers(std::vector<MetricFamily>* to) const;
  void CollectStates(std::vector<MetricFamily>* to) const;
  void CollectRuleSizes(std::vector<MetricFamily>* to) const;
  void CollectTables(std::vector<MetricFamily>* to) const;

  const MetricsOptions options;
  Clock* const clock;
  Registry registry;
  Families families;

  mutable absl::Mutex mu;
  std::map<std::pair<std::string, std::string>, RuleSeries> rule_series ABSL_GUARDED_BY(mu);
  std::map<int, WorkerSeries> worker_series ABSL_GUARDED_BY(mu);
  std::map<int, WorkerStatus> workers ABSL_GUARDED_BY(mu);
  std::map<int, WorkerSizes> sizes ABSL_GUARDED_BY(mu);
  std::set<std::string> destinations ABSL_GUARDED_BY(mu);
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
      const bool has_room = by_rule.size() < static_cast<size_t>(options.rule_series_max);
      if (!has_room && by_rule.count(key) == 0) key = {kOther, kOther};
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

RuleSeries Metrics::Impl::SeriesOf(const router::RuleInfo& rule) {
  auto key = std::make_pair(std::string(rule.team()), std::string(rule.name()));
  auto found = rule_series.find(key);
  if (found != rule_series.end()) return found->second;
  const bool room = rule_series.size() < static_cast<size_t>(options.rule_series_max);
  if (!room) key = {kOther, kOther};
  const prometheus::Labels labels = {{"team", key.first}, {"rule", key.second}};
  RuleSeries series = {&families.matched.Add(labels), &families.routed.Add(labels),
                       &families.dead_lettered.Add(labels)};
  if (room) rule_series.emplace(std::move(key), series);
  return series;
}

// What steps and the rollout did with the rule's matches.
void Metrics::Impl::CountParts(const router::RuleInfo& rule, const RuleCounts& counts,
                               RuleSeries* series) {
  auto key = std::make_pair(std::string(rule.team()), std::string(rule.name()));
  const auto kept = rule_series.find(key);
  if (kept == rule_series.end()) key = {kOther, kOther};
  const auto labels = [&](const prometheus::Labels& more) {
    prometheus::Labels all = more;
    all.emplace("team", key.first);
    all.emplace("rule", key.second);
    return all;
  };
  for (size_t kind = 0; kind < counts.stopped.size(); ++kind) {
    if (counts.stopped[kind] == 0) continue;
    if (series->stopped[kind] == nullptr) {
      const std::string step(router::StepName(static_cast<router::StepKind>(kind)));
      series->stopped[kind] = &families.stopped.Add(labels({{"step", step}}));
    }
    series->stopped[kind]->Increment(static_cast<double>(counts.stopped[kind]));
    if (kept != rule_series.end()) kept->second.stopped[kind] = series->stopped[kind];
  }
  const auto count = [&](Family<Counter>& family, uint64_t n, Counter* RuleSeries::*counter) {
    if (n == 0) return;
    if (series->*counter == nullptr) series->*counter = &family.Add(labels({}));
    (series->*counter)->Increment(static_cast<double>(n));
    if (kept != rule_series.end()) kept->second.*counter = series->*counter;
  };
  count(families.late, counts.late, &RuleSeries::late);
  count(families.rekeyed, counts.rekeyed, &RuleSeries::rekeyed);
  count(families.state_full, counts.state_full, &RuleSeries::state_full);
  count(families.shadowed, counts.shadowed, &RuleSeries::shadowed);
  count(families.shadow_dead_lettered, counts.shadow_dead_lettered,
        &RuleSeries::shadow_dead_lettered);
  count(families.held_back, counts.held_back, &RuleSeries::held_back);
}

void Metrics::Impl::CollectWorkers(std::vector<MetricFamily>* to) const {
  MetricFamily by_state = Now("turnout_workers", "Workers by state.", MetricType::Gauge);
  MetricFamily records =
      Now("turnout_partition_lag_records", "Source records not yet committed.", MetricType::Gauge);
  MetricFamily seconds =
      Now("turnout_partition_lag_seconds",
          "Age of the last committed event while records wait, else 0.", MetricType::Gauge);
  std::map<std::string, int> worker_states = {
      {"starting", 0}, {"running", 0}, {"waiting", 0}, {"stopped", 0}};
  const absl::Time now = clock->Now();
  absl::MutexLock lock(&mu);
  for (const auto& [index, worker] : workers) {
    ++worker_states[std::string(StateName(worker.state))];
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
  for (MetricFamily* family : {&by_state, &records, &seconds}) {
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
  for (const auto& [index, worker] : workers) {
    for (const PartitionStatus& partition : worker.partitions) {
      ++phases[std::string(PhaseName(partition.phase))];
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
  Families& f = impl_->families;
  f.events.Increment(static_cast<double>(report.events));
  f.event_bytes.Increment(static_cast<double>(report.event_bytes));
  f.outputs.Increment(static_cast<double>(report.outputs));
  f.unreadable.Increment(static_cast<double>(report.dead_lettered_events));
  f.transactions.Increment();
  f.latency.ObserveMultiple({report.latency_counts.begin(), report.latency_counts.end()},
                            report.latency_sum_ms / 1000);
  f.duration.Observe(absl::ToDoubleSeconds(report.duration));
  f.commit_duration.Observe(absl::ToDoubleSeconds(report.commit_duration));
  if (report.rules == nullptr) return;

  absl::MutexLock lock(&impl_->mu);
  WorkerSeries& series = impl_->worker_series[report.worker];
  const std::vector<router::RuleInfo>& rules = report.rules->rules();
  if (series.rules != report.rules) {
    series.rules = report.rules;
    series.by_rule.clear();
  }
  for (const RuleCounts& counts : report.rule_counts) {
    if (counts.rule >= rules.size()) continue;
    RuleSeries& of_rule = series.by_rule[counts.rule];
    if (of_rule.matched == nullptr) of_rule = impl_->SeriesOf(rules[counts.rule]);
    of_rule.matched->Increment(static_cast<double>(counts.matched));
    of_rule.routed->Increment(static_cast<double>(counts.routed));
    of_rule.dead_lettered->Increment(static_cast<double>(counts.dead_lettered));
    impl_->CountParts(rules[counts.rule], counts, &of_rule);
  }
}

void Metrics::OnOutcome(int, TransactionOutcome outcome, const absl::Status&) {
  impl_->families.outcomes.Add({{"outcome", std::string(OutcomeName(outcome))}}).Increment();
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
  absl::MutexLock lock(&impl_->mu);
  const bool known = impl_->destinations.count(topic) > 0;
  const bool room =
      impl_->destinations.size() < static_cast<size_t>(impl_->options.destination_series_max);
  if (!known && room) impl_->destinations.insert(topic);
  impl_->families.unavailable.Add({{"destination", known || room ? topic : kOther}}).Increment();
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
  const auto in_force = [&](const std::pair<std::string, std::string>& rule) {
    const std::string id = rule.first + "/" + rule.second;
    const auto at = std::lower_bound(
        rules.rules().begin(), rules.rules().end(), id,
        [](const router::RuleInfo& info, const std::string& sought) { return info.id < sought; });
    return at != rules.rules().end() && at->id == id;
  };
  f.rule_set_rules.Set(static_cast<double>(rules.rules().size()));
  f.rule_set_version.Increment();
  f.rule_set_published.Set(absl::ToDoubleSeconds(published - absl::UnixEpoch()));

  absl::MutexLock lock(&impl_->mu);
  if (impl_->rule_set != nullptr) f.rule_set_info.Remove(impl_->rule_set);
  impl_->rule_set = &f.rule_set_info.Add({{"hash", rules.hash()}});
  impl_->rule_set->Set(1);
  // The workers' caches point into the series that are about to go; sizes are told again soon.
  impl_->worker_series.clear();
  impl_->sizes.clear();
  for (auto series = impl_->rule_series.begin(); series != impl_->rule_series.end();) {
    if (in_force(series->first)) {
      ++series;
      continue;
    }
    f.matched.Remove(series->second.matched);
    f.routed.Remove(series->second.routed);
    f.dead_lettered.Remove(series->second.dead_lettered);
    for (Counter* stopped : series->second.stopped) {
      if (stopped != nullptr) f.stopped.Remove(stopped);
    }
    if (series->second.late != nullptr) f.late.Remove(series->second.late);
    if (series->second.rekeyed != nullptr) f.rekeyed.Remove(series->second.rekeyed);
    if (series->second.state_full != nullptr) f.state_full.Remove(series->second.state_full);
    series = impl_->rule_series.erase(series);
  }
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

std::string Metrics::Text() const {
  std::vector<MetricFamily> families = impl_->registry.Collect();
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

#include "runtime/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "runtime/live_rules_status.h"
#include "runtime/log.h"
#include "runtime/pipeline_metrics.h"
#include "runtime/status_board.h"
#include "runtime/traffic_metrics.h"

namespace turnout::runtime {
namespace {

using prometheus::ClientMetric;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
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
        certificate_expiry(Gauges(r, "turnout_certificate_expiry_timestamp_seconds",
                                  "When a certificate that Kafka's clients go by ends.")),
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
        throttled(Counters(r, "turnout_throttled_seconds_total",
                           "Time for which brokers held clients back, as over a quota.")
                      .Add({})),
        brokers_reachable(
            Gauges(r, "turnout_brokers_reachable", "1 while brokers answer, else 0.").Add({})),
        ready(Gauges(r, "turnout_ready", "1 while /readyz says ready, else 0.").Add({})),
        duration(AddHistogram(r, "turnout_transaction_duration_seconds",
                              "A transaction from begin to committed.", kTransactionBounds)),
        commit_duration(AddHistogram(r, "turnout_transaction_commit_duration_seconds",
                                     "Of a transaction, its commit.", kTransactionBounds)) {}

  Family<Counter>&outcomes, &token_fetches;
  Family<Gauge>&rule_set_info, &file_refused, &team_aside, &token_expiry, &certificate_expiry,
      &build_info;
  Gauge &rule_set_rules, &rule_set_version, &rule_set_published;
  Gauge &rules_origin_reachable, &rules_from_disk, &rules_rolled_back;
  Counter &rules_report_failures, &throttled;
  Gauge &brokers_reachable, &ready;
  Histogram &duration, &commit_duration;
};

// What a worker's tasks keep, as it was last told.
struct WorkerSizes {
  std::shared_ptr<const router::RuleSet> rules;
  std::vector<router::StateSize> by_rule;
};

MetricType TypeOf(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return MetricType::Counter;
    case MetricKind::kGauge:
      return MetricType::Gauge;
    case MetricKind::kHistogram:
      return MetricType::Histogram;
  }
  return MetricType::Untyped;
}

prometheus::MetricFamily ForPrometheus(MetricFamily family) {
  prometheus::MetricFamily made;
  made.name = family.name;
  made.help = family.help;
  made.type = TypeOf(family.kind);
  for (MetricSeries& series : family.series) {
    ClientMetric& metric = made.metric.emplace_back();
    for (auto& [name, value] : series.labels) {
      metric.label.push_back({std::move(name), std::move(value)});
    }
    metric.counter.value = metric.gauge.value = metric.histogram.sample_sum = series.value;
    for (const MetricBucket& bucket : series.buckets) {
      metric.histogram.bucket.push_back({bucket.count, bucket.upper_bound});
      metric.histogram.sample_count = bucket.count;
    }
  }
  return made;
}

}  // namespace

struct Metrics::Impl {
  Impl(MetricsOptions with, Clock* on)
      : options(std::move(with)), clock(on), families(registry), traffic(options.limits) {
    figures.destinations_max = options.limits.destinations_max;
  }

  void CollectRuleSizes(MetricFamilies* to) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

  const MetricsOptions options;
  Clock* const clock;
  Registry registry;
  Families families;

  Traffic traffic;

  mutable absl::Mutex mu;
  PipelineFigures figures ABSL_GUARDED_BY(mu);
  std::map<int, WorkerSizes> sizes ABSL_GUARDED_BY(mu);
  std::vector<Gauge*> files_refused ABSL_GUARDED_BY(mu);
  std::vector<Gauge*> teams_aside ABSL_GUARDED_BY(mu);
  Gauge* rule_set ABSL_GUARDED_BY(mu) = nullptr;
};

// Of all workers together; beyond the limit all rules as one.
void Metrics::Impl::CollectRuleSizes(MetricFamilies* to) const {
  const std::string other(kOtherSeries);
  std::map<std::pair<std::string, std::string>, router::StateSize> by_rule;
  for (const auto& [worker, told] : sizes) {
    for (size_t i = 0; i < told.by_rule.size(); ++i) {
      if (told.by_rule[i].entries == 0) continue;
      const router::RuleInfo& rule = told.rules->rules()[i];
      auto key = std::make_pair(std::string(rule.team()), std::string(rule.name()));
      const bool has_room = by_rule.size() < static_cast<size_t>(options.limits.rules_max);
      if (!has_room && by_rule.count(key) == 0) key = {other, other};
      by_rule[key].Add(told.by_rule[i]);
    }
  }
  MetricFamily bytes = {"turnout_rule_state_bytes", "What a rule's steps remember here.",
                        MetricKind::kGauge};
  MetricFamily entries = {"turnout_rule_state_entries", "Entries of it: keys, panes of keys.",
                          MetricKind::kGauge};
  for (const auto& [rule, size] : by_rule) {
    const MetricLabels labels = {{"team", rule.first}, {"rule", rule.second}};
    bytes.Add(static_cast<double>(size.bytes), labels);
    entries.Add(static_cast<double>(size.entries), labels);
  }
  to->push_back(std::move(bytes));
  to->push_back(std::move(entries));
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
  impl_->figures.open_since[worker] = since;
}

void Metrics::OnStatus(const WorkerStatus& status) {
  absl::MutexLock lock(&impl_->mu);
  impl_->figures.workers[status.worker] = status;
}

void Metrics::OnRestored(int /*worker*/, const std::string& /*topic*/, int32_t /*partition*/,
                         const std::string& /*text*/) {
  absl::MutexLock lock(&impl_->mu);
  ++impl_->figures.restored;
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
  impl_->figures.states = stats;
  impl_->figures.state_memory_bytes = memory_bytes;
}

void Metrics::OnTables(std::vector<TableStatus> tables) {
  absl::MutexLock lock(&impl_->mu);
  impl_->figures.tables = std::move(tables);
}

void Metrics::OnSchemas(SchemaRegistryStatus schemas) {
  absl::MutexLock lock(&impl_->mu);
  impl_->figures.schemas = std::move(schemas);
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

void Metrics::OnThrottle(absl::Duration time) {
  impl_->families.throttled.Increment(absl::ToDoubleSeconds(time));
}

void Metrics::OnSecurity(const SecurityReport& report) {
  for (const connectors::CertificateLife& life : report.certificates) {
    impl_->families.certificate_expiry.Add({{"property", life.property}})
        .Set(absl::ToDoubleSeconds(life.ends - absl::UnixEpoch()));
  }
}

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
  MetricFamilies collected;
  CollectTraffic(impl_->traffic.Totals(), &collected);
  {
    absl::MutexLock lock(&impl_->mu);
    impl_->figures.now = impl_->clock->Now();
    impl_->figures.time_of_day = impl_->clock->TimeOfDay();
    CollectPipeline(impl_->figures, &collected);
    impl_->CollectRuleSizes(&collected);
  }
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  for (MetricFamily& family : collected) families.push_back(ForPrometheus(std::move(family)));
  for (prometheus::MetricFamily& family : families) {
    for (ClientMetric& metric : family.metric) {
      for (ClientMetric::Label& label : metric.label) label.value = WithoutSecrets(label.value);
    }
  }
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace turnout::runtime

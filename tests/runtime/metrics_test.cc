#include "runtime/metrics.h"

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/rule_set.h"
#include "runtime/log.h"
#include "tests/support/rules_of.h"
#include "tests/support/simulated_clock.h"

namespace turnout::runtime {
namespace {

using testing::HasSubstr;
using testing::Not;

std::shared_ptr<const router::RuleSet> Rules(const std::string& team, int count) {
  std::string text = absl::StrCat("team: ", team, "\ndestinations: [\"*\"]\nrules:\n");
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&text, "  - {name: r", absl::Dec(i, absl::kZeroPad4),
                    ", match: {type: [a]}, to: out}\n");
  }
  return support::RuleSetOf({text});
}

TransactionReport Report(std::shared_ptr<const router::RuleSet> rules) {
  TransactionReport report;
  report.rules = std::move(rules);
  report.events = 4;
  report.event_bytes = 400;
  report.outputs = 3;
  report.dead_lettered_events = 1;
  report.latency.counts[2] = 3;   // up to 5 ms
  report.latency.counts[16] = 1;  // beyond the last bound
  report.latency.sum_ms = 500'000;
  report.duration = absl::Milliseconds(7);
  report.commit_duration = absl::Milliseconds(3);
  return report;
}

class MetricsTest : public testing::Test {
 protected:
  static MetricsOptions Options() {
    MetricsOptions options;
    options.version = "1.2.3";
    options.limits = {.rules_max = 3, .destinations_max = 2, .latencies_max = 1};
    return options;
  }
  support::SimulatedClock clock;
  Metrics metrics{Options(), &clock};
};

TEST_F(MetricsTest, ATransactionIsCountedInBaseUnits) {
  metrics.OnTransaction(Report(nullptr));
  metrics.OnTransaction(Report(nullptr));
  const std::string text = metrics.Text();
  for (const char* line :
       {"\nturnout_events_consumed_total 8\n", "\nturnout_event_consumed_bytes_total 800\n",
        "\nturnout_outputs_produced_total 6\n", "\nturnout_events_dead_lettered_total 2\n",
        "\nturnout_transactions_committed_total 2\n", "\nturnout_event_latency_seconds_count 8\n",
        "\nturnout_event_latency_seconds_sum 1000\n",
        "\nturnout_event_latency_seconds_bucket{le=\"0.0025\"} 0\n",
        "\nturnout_event_latency_seconds_bucket{le=\"0.005\"} 6\n",
        "\nturnout_event_latency_seconds_bucket{le=\"300\"} 6\n",
        "\nturnout_event_latency_seconds_bucket{le=\"+Inf\"} 8\n",
        "\nturnout_transaction_duration_seconds_bucket{le=\"0.005\"} 0\n",
        "\nturnout_transaction_duration_seconds_bucket{le=\"0.01\"} 2\n",
        "\nturnout_transaction_commit_duration_seconds_bucket{le=\"0.005\"} 2\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(MetricsTest, ARuleIsCountedByTeamAndName) {
  TransactionReport report = Report(Rules("fraud", 2));
  report.rule_counts = {{.rule = 1,
                         .matched = 7,
                         .stopped = {2},
                         .late = 1,
                         .routed = 4,
                         .dead_lettered = 1,
                         .parked = 2,
                         .state_full = 3,
                         .shadowed = 6,
                         .shadow_dead_lettered = 5,
                         .held_back = 8}};
  report.rule_latencies.resize(1);
  report.rule_latencies[0].counts[1] = 4;
  metrics.OnTransaction(report);
  const std::string text = metrics.Text();
  EXPECT_THAT(text,
              HasSubstr("turnout_rule_events_matched_total{rule=\"r0001\",team=\"fraud\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("turnout_rule_events_stopped_total{rule=\"r0001\",step=\"sample\","
                              "team=\"fraud\"} 2\n"));
  EXPECT_THAT(text,
              HasSubstr("turnout_rule_outputs_routed_total{rule=\"r0001\",team=\"fraud\"} 4\n"));
  EXPECT_THAT(
      text,
      HasSubstr("turnout_rule_outputs_dead_lettered_total{rule=\"r0001\",team=\"fraud\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("turnout_rule_outputs_parked_total{rule=\"r0001\",team=\"fraud\"} 2\n"));
  EXPECT_THAT(text,
              HasSubstr("turnout_rule_events_state_full_total{rule=\"r0001\",team=\"fraud\"} 3\n"));
  EXPECT_THAT(text,
              HasSubstr("turnout_rule_outputs_shadowed_total{rule=\"r0001\",team=\"fraud\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("turnout_rule_outputs_shadow_dead_lettered_total{rule=\"r0001\","
                              "team=\"fraud\"} 5\n"));
  EXPECT_THAT(text,
              HasSubstr("turnout_rule_events_held_back_total{rule=\"r0001\",team=\"fraud\"} 8\n"));
  EXPECT_THAT(text,
              HasSubstr("turnout_rule_latency_seconds_count{rule=\"r0001\",team=\"fraud\"} 4\n"));
  EXPECT_THAT(text, Not(HasSubstr("r0000")));
}

TEST_F(MetricsTest, WhatRulesKeepIsTheSumOfWhatWorkersToldLast) {
  const auto rules = Rules("fraud", 2);
  metrics.OnStateSizes(0, rules, {{100, 2}, {}});
  metrics.OnStateSizes(0, rules, {{300, 4}, {}});
  metrics.OnStateSizes(1, rules, {{50, 1}, {}});
  EXPECT_THAT(metrics.Text(),
              HasSubstr("turnout_rule_state_bytes{team=\"fraud\",rule=\"r0000\"} 350\n"));
  EXPECT_THAT(metrics.Text(),
              HasSubstr("turnout_rule_state_entries{team=\"fraud\",rule=\"r0000\"} 5\n"));
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("r0001")));
  metrics.OnRuleSet(*Rules("fraud", 1), clock.Now());
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("r0000")));
}

TEST_F(MetricsTest, WhatRulesBeyondTheLimitKeepIsCountedAsOther) {
  std::vector<router::StateSize> by_rule(10, {10, 1});
  metrics.OnStateSizes(0, Rules("fraud", 10), by_rule);
  EXPECT_THAT(metrics.Text(),
              HasSubstr("turnout_rule_state_bytes{team=\"other\",rule=\"other\"} 70\n"));
}

TEST_F(MetricsTest, RulesBeyondTheLimitAreCountedAsOther) {
  TransactionReport report = Report(Rules("fraud", 10));
  for (uint32_t i = 0; i < 10; ++i) report.rule_counts.push_back({.rule = i, .matched = 2});
  metrics.OnTransaction(report);
  metrics.OnTransaction(report);
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("matched_total{rule=\"r0002\",team=\"fraud\"} 4\n"));
  EXPECT_THAT(text, Not(HasSubstr("r0003")));
  EXPECT_THAT(text, HasSubstr("matched_total{rule=\"other\",team=\"other\"} 28\n"));
}

TEST_F(MetricsTest, SeriesOfRulesThatAreGoneAreDroppedAndMakeRoom) {
  TransactionReport report = Report(Rules("old", 3));
  report.rule_counts = {
      {.rule = 0, .matched = 1}, {.rule = 1, .matched = 1}, {.rule = 2, .matched = 1}};
  metrics.OnTransaction(report);
  const auto rules = Rules("new", 1);
  metrics.OnRuleSet(*rules, clock.Now());
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("team=\"old\"")));
  report.rules = rules;
  report.rule_counts = {{.rule = 0, .matched = 1}};
  metrics.OnTransaction(report);
  EXPECT_THAT(metrics.Text(), HasSubstr("matched_total{rule=\"r0000\",team=\"new\"} 1\n"));
}

TEST_F(MetricsTest, AWorkersLateReportOnAnOldRuleSetIsCounted) {
  TransactionReport report = Report(Rules("old", 1));
  report.rule_counts = {{.rule = 0, .matched = 1}};
  metrics.OnTransaction(report);
  metrics.OnRuleSet(*Rules("new", 1), clock.Now());
  metrics.OnTransaction(report);
  EXPECT_THAT(metrics.Text(), HasSubstr("matched_total{rule=\"r0000\",team=\"old\"} 1\n"));
}

TEST_F(MetricsTest, TheRuleSetInForceIsTheOnlyOneNamed) {
  const auto first = Rules("a", 1);
  const auto second = Rules("b", 2);
  metrics.OnRuleSet(*first, clock.Now());
  metrics.OnRuleSet(*second, clock.Now());
  const std::string text = metrics.Text();
  EXPECT_THAT(text,
              HasSubstr(absl::StrCat("turnout_rule_set_info{hash=\"", second->hash(), "\"} 1")));
  EXPECT_THAT(text, Not(HasSubstr(first->hash())));
  EXPECT_THAT(text, HasSubstr("\nturnout_rule_set_version 2\n"));
  EXPECT_THAT(text, HasSubstr("\nturnout_rule_set_rules 2\n"));
  EXPECT_THAT(text, HasSubstr("\nturnout_rule_set_published_timestamp_seconds 1700000000\n"));
}

TEST_F(MetricsTest, LagIsToldWhileThePartitionIsOurs) {
  WorkerStatus status;
  status.state = WorkerState::kRunning;
  status.topic = "events";
  status.partitions = {
      {.partition = 1, .next_offset = 10, .end_offset = 25, .last_event_time = clock.Now()},
      {.partition = 2, .next_offset = 7, .end_offset = 7, .last_event_time = clock.Now()},
      {.partition = 3, .next_offset = -1, .end_offset = 9},
      {.partition = 4, .next_offset = 5, .end_offset = -1}};
  metrics.OnStatus(status);
  clock.Advance(absl::Seconds(30));  // the age grows though the worker says nothing
  std::string text = metrics.Text();
  EXPECT_THAT(text,
              HasSubstr("turnout_partition_lag_records{topic=\"events\",partition=\"1\"} 15\n"));
  EXPECT_THAT(text,
              HasSubstr("turnout_partition_lag_seconds{topic=\"events\",partition=\"1\"} 30\n"));
  EXPECT_THAT(text,
              HasSubstr("turnout_partition_lag_records{topic=\"events\",partition=\"2\"} 0\n"));
  EXPECT_THAT(text,
              HasSubstr("turnout_partition_lag_seconds{topic=\"events\",partition=\"2\"} 0\n"));
  EXPECT_THAT(text,
              HasSubstr("turnout_partition_lag_records{topic=\"events\",partition=\"3\"} 9\n"));
  EXPECT_THAT(text, Not(HasSubstr("lag_seconds{topic=\"events\",partition=\"3\"}")));
  EXPECT_THAT(text, Not(HasSubstr("partition=\"4\"")));
  EXPECT_THAT(text, HasSubstr("turnout_workers{state=\"running\"} 1\n"));

  status.partitions.erase(status.partitions.begin());
  metrics.OnStatus(status);
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("partition=\"1\"")));
}

TEST_F(MetricsTest, DestinationsThatAreNotHealthyAreNamedWithWhatWaitsForThem) {
  metrics.OnStatus({.worker = 0,
                    .bulkheads = {{.destination = "a", .state = "draining", .waiting = 2}},
                    .parked_lost = 4});
  metrics.OnStatus(
      {.worker = 1,
       .bulkheads = {{.destination = "a", .state = "ejected", .why = "missing"},
                     {.destination = "b", .state = "probing", .why = "slow"},
                     {.destination = "c", .state = "probing", .why = "slow"},
                     {.destination = "d", .state = "probing", .why = "slow", .waiting = 5}},
       .parked_lost = 1});
  const std::string text = metrics.Text();
  for (const char* line :
       {"\nturnout_destinations_unwell 4\n", "\nturnout_outputs_waiting 7\n",
        "\nturnout_outputs_parked_lost_total 5\n",
        "\nturnout_destination_outputs_waiting{destination=\"a\"} 2\n",
        "\nturnout_destination_outputs_waiting{destination=\"other\"} 5\n",
        "\nturnout_destination_ejection{destination=\"a\",state=\"ejected\",why=\"missing\"} 1\n",
        "\nturnout_destination_ejection{destination=\"other\",state=\"probing\",why=\"slow\"} "
        "2\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  metrics.OnStatus({.worker = 0});
  metrics.OnStatus({.worker = 1});
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("turnout_destination_ejection{")));
}

TEST_F(MetricsTest, OutcomesAreThereFromTheBeginning) {
  EXPECT_THAT(metrics.Text(), HasSubstr("turnout_transaction_outcomes_total{outcome=\"fatal\"} 0"));
  metrics.OnOutcome(0, TransactionOutcome::kFenced, absl::FailedPreconditionError("secret words"));
  EXPECT_THAT(metrics.Text(),
              HasSubstr("turnout_transaction_outcomes_total{outcome=\"fenced\"} 1"));
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("secret words")));
}

TEST_F(MetricsTest, TeamsAndFilesAreNamedWhileTheyAreUnwell) {
  metrics.OnTeams({"a.yaml"}, {"ads", "ads"});
  EXPECT_THAT(metrics.Text(), HasSubstr("turnout_rule_file_refused{file=\"a.yaml\"} 1"));
  EXPECT_THAT(metrics.Text(), HasSubstr("turnout_team_aside{team=\"ads\"} 1"));
  metrics.OnTeams({}, {});
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("team=\"ads\"")));
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("a.yaml")));
}

TEST_F(MetricsTest, DestinationsBeyondTheLimitAreCountedAsOther) {
  for (const char* topic : {"a", "b", "c", "d", "a"}) metrics.OnDestinationUnavailable(topic, "x");
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("turnout_destination_unavailable_total{destination=\"a\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("turnout_destination_unavailable_total{destination=\"other\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("destination=\"c\"")));
}

TEST_F(MetricsTest, ADestinationIsCountedByItsTopic) {
  TransactionReport report = Report(nullptr);
  report.destinations = {{.topic = "orders", .sent = 5, .dead_lettered = 1, .parked = 2}};
  report.destinations[0].latency = {.sum_ms = 1500};
  report.destinations[0].latency.counts[2] = 5;
  metrics.OnTransaction(report);
  const std::string text = metrics.Text();
  for (const char* line :
       {"turnout_destination_records_sent_total{destination=\"orders\"} 5\n",
        "turnout_destination_records_dead_lettered_total{destination=\"orders\"} 1\n",
        "turnout_destination_records_parked_total{destination=\"orders\"} 2\n",
        "turnout_destination_unavailable_total{destination=\"orders\"} 0\n",
        "turnout_destination_latency_seconds_bucket{destination=\"orders\",le=\"0.0025\"} 0\n",
        "turnout_destination_latency_seconds_bucket{destination=\"orders\",le=\"0.005\"} 5\n",
        "turnout_destination_latency_seconds_sum{destination=\"orders\"} 1.5\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(MetricsTest, DeadLettersAreCountedByTheirErrorFromTheBeginning) {
  EXPECT_THAT(metrics.Text(), HasSubstr("turnout_dead_letters_total{error=\"unroutable\"} 0\n"));
  TransactionReport report = Report(nullptr);
  report.dead_letters = {{.error = "unroutable", .count = 3}};
  metrics.OnTransaction(report);
  EXPECT_THAT(metrics.Text(), HasSubstr("turnout_dead_letters_total{error=\"unroutable\"} 3\n"));
}

TEST_F(MetricsTest, AnOpenTransactionAgesThoughItsWorkerSaysNothing) {
  EXPECT_THAT(metrics.Text(), HasSubstr("turnout_transaction_open_seconds 0\n"));
  metrics.OnOpenTransaction(0, clock.Now());
  clock.Advance(absl::Seconds(4));
  metrics.OnOpenTransaction(1, clock.Now());
  clock.Advance(absl::Seconds(5));
  EXPECT_THAT(metrics.Text(), HasSubstr("turnout_transaction_open_seconds 9\n"));
  metrics.OnOpenTransaction(0, absl::InfinitePast());
  EXPECT_THAT(metrics.Text(), HasSubstr("turnout_transaction_open_seconds 5\n"));
}

TEST_F(MetricsTest, CheckpointsAndRestoresAreMeasured) {
  StateServiceStats stats;
  stats.newest_checkpoint_bytes = 4096;
  stats.CountDuration(absl::Milliseconds(750));
  // 30 of 40 MB in a minute: the rest takes 20 s.
  stats.CountRestore({.bytes = 40'000'000, .bytes_done = 30'000'000}, absl::Seconds(60));
  metrics.OnStates(stats, 0);
  WorkerStatus status;
  status.partitions = {
      {.partition = 1,
       .next_offset = 90,
       .end_offset = 95,
       .phase = TaskPhase::kReplaying,
       .replay_offset = 50,
       .replay_left = absl::Seconds(35)},
      {.partition = 2, .next_offset = 10, .phase = TaskPhase::kReplaying, .replay_offset = 4}};
  metrics.OnStatus(status);
  const std::string text = metrics.Text();
  for (const char* line :
       {"\nturnout_checkpoint_size_bytes 4096\n",
        "\nturnout_checkpoint_duration_seconds_bucket{le=\"0.5\"} 0\n",
        "\nturnout_checkpoint_duration_seconds_bucket{le=\"1\"} 1\n",
        "\nturnout_checkpoint_duration_seconds_sum 0.75\n",
        "\nturnout_restore_bytes_left 10000000\n", "\nturnout_restore_records_left 46\n",
        "\nturnout_restore_left_seconds 35\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(MetricsTest, NoLabelShowsASecret) {
  HideInLog("tops3cret");
  metrics.OnDestinationUnavailable("x.tops3cret", "gone");
  EXPECT_THAT(metrics.Text(), HasSubstr("{destination=\"x.[secret]\"} 1"));
}

TEST_F(MetricsTest, TheProcessIsMeasured) {
  const std::string text = metrics.Text();
  EXPECT_THAT(text, testing::ContainsRegex("process_resident_memory_bytes [1-9][0-9]{5,}"));
  EXPECT_THAT(text, testing::ContainsRegex("process_start_time_seconds [1-9]"));
  EXPECT_THAT(text, testing::ContainsRegex("process_open_fds [1-9]"));
  EXPECT_THAT(text, testing::ContainsRegex("process_threads [1-9]"));
}

// Everything that can appear on the page, made to appear.
std::set<std::string> ExportedNames(Metrics& metrics, support::SimulatedClock& clock) {
  const auto rules = Rules("team", 1);
  TransactionReport report = Report(rules);
  report.rule_counts = {{.rule = 0,
                         .matched = 1,
                         .stopped = {1},
                         .late = 1,
                         .routed = 1,
                         .rekeyed = 1,
                         .state_full = 1,
                         .shadowed = 1,
                         .shadow_dead_lettered = 1,
                         .held_back = 1}};
  report.rule_latencies.resize(1);
  report.destinations = {{.topic = "out", .sent = 1}};
  report.teams = {{.team = "team"}};
  metrics.OnTransaction(report);
  metrics.OnRuleSet(*rules, clock.Now());
  metrics.OnTransaction(report);
  metrics.OnStateSizes(0, rules, {{100, 1}});
  metrics.OnTeams({"file"}, {"team"});
  metrics.OnDestinationUnavailable("topic", "reason");
  WorkerStatus status;
  status.partitions = {
      {.partition = 1, .next_offset = 1, .end_offset = 2, .last_event_time = clock.Now()}};
  status.bulkheads = {{.destination = "out", .state = "ejected", .why = "slow"}};
  metrics.OnStatus(status);
  metrics.OnTables({{.name = "merchants", .topic = "catalog"}});
  metrics.OnBrokers(true);
  metrics.OnToken({});
  metrics.OnSecurity({.certificates = {{.property = "ssl.ca.location"}}});
  metrics.OnReady(true);
  std::set<std::string> names;
  std::istringstream lines(metrics.Text());
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, keyword, name, type;
    if (words >> hash >> keyword >> name >> type && hash == "#" && keyword == "TYPE") {
      names.insert(absl::StrCat(name, " ", type));
    }
  }
  return names;
}

TEST_F(MetricsTest, TokensAreShownWhereTheyAreNeeded) {
  EXPECT_EQ(metrics.Text().find("turnout_token_"), std::string::npos) << "none was asked for";
  metrics.OnToken({.status = absl::UnavailableError("away")});
  std::string text = metrics.Text();
  EXPECT_NE(text.find("turnout_token_fetches_total{outcome=\"failed\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("turnout_token_expiry_timestamp_seconds 0\n"), std::string::npos);
  metrics.OnToken({.expires = absl::FromUnixSeconds(1'000)});
  text = metrics.Text();
  EXPECT_NE(text.find("turnout_token_fetches_total{outcome=\"fetched\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("turnout_token_expiry_timestamp_seconds 1000\n"), std::string::npos);
}

TEST_F(MetricsTest, CertificatesAreShownByTheirProperty) {
  metrics.OnSecurity({});
  EXPECT_EQ(metrics.Text().find("turnout_certificate_"), std::string::npos) << "there are none";
  metrics.OnSecurity({.certificates = {{.property = "ssl.certificate.location",
                                        .subject = "CN=router",
                                        .begins = absl::FromUnixSeconds(10),
                                        .ends = absl::FromUnixSeconds(1'000)}}});
  EXPECT_NE(metrics.Text().find("turnout_certificate_expiry_timestamp_seconds{"
                                "property=\"ssl.certificate.location\"} 1000\n"),
            std::string::npos);
}

TEST_F(MetricsTest, TablesAreShownByName) {
  EXPECT_EQ(metrics.Text().find("turnout_table_"), std::string::npos) << "there are none";
  metrics.OnTables({{.name = "merchants",
                     .loaded = true,
                     .entries_estimate = 7,
                     .lag = 3,
                     .records = 9,
                     .skipped = 2,
                     .anew = 1,
                     .last_change = absl::FromUnixSeconds(1'000)},
                    {.name = "users", .refused = true}});
  const std::string text = metrics.Text();
  for (const char* line : {
           "turnout_table_loaded{table=\"merchants\"} 1\n",
           "turnout_table_loaded{table=\"users\"} 0\n",
           "turnout_table_refused{table=\"merchants\"} 0\n",
           "turnout_table_refused{table=\"users\"} 1\n",
           "turnout_table_entries{table=\"merchants\"} 7\n",
           "turnout_table_lag_records{table=\"merchants\"} 3\n",
           "turnout_table_records_total{table=\"merchants\"} 9\n",
           "turnout_table_read_anew_total{table=\"merchants\"} 1\n",
           "turnout_table_records_skipped_total{table=\"merchants\"} 2\n",
           "turnout_table_last_change_timestamp_seconds{table=\"merchants\"} 1000\n",
           "turnout_table_last_change_timestamp_seconds{table=\"users\"} 0\n",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

TEST_F(MetricsTest, TheReadmeDescribesEveryMetricAndNoOther) {
  std::set<std::string> documented;
  std::ifstream readme(TURNOUT_SOURCE_DIR "/runtime/README.md");
  ASSERT_TRUE(readme) << "runtime/README.md can't be read";
  for (std::string line; std::getline(readme, line);) {
    // | `name` | type | labels | meaning |
    if (line.rfind("| `turnout_", 0) != 0 && line.rfind("| `process_", 0) != 0) continue;
    const size_t name_end = line.find("` | ");
    ASSERT_NE(name_end, std::string::npos) << line;
    const size_t type = name_end + 4;
    documented.insert(absl::StrCat(line.substr(3, name_end - 3), " ",
                                   line.substr(type, line.find(' ', type) - type)));
  }
  EXPECT_EQ(documented, ExportedNames(metrics, clock));
}

}  // namespace
}  // namespace turnout::runtime

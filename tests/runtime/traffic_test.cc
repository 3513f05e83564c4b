#include "runtime/traffic.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/log.h"
#include "runtime/traffic_json.h"
#include "tests/support/rules_of.h"

namespace turnout::runtime {
namespace {

using nlohmann::json;
using testing::ElementsAre;

std::vector<std::string> TopicsOf(const TrafficTotals& totals) {
  std::vector<std::string> topics;
  for (const DestinationTraffic& one : totals.destinations) topics.push_back(one.topic);
  return topics;
}

// A transaction with a record for each topic, in the first bucket of its histogram.
TransactionReport ReportTo(const std::vector<std::string>& topics) {
  TransactionReport report;
  for (const std::string& topic : topics) {
    report.destinations.push_back({.topic = topic, .sent = 1});
    report.destinations.back().latency.counts[0] = 1;
  }
  return report;
}

TEST(TrafficTest, DestinationsBeyondTheLimitAreCountedAsOther) {
  Traffic traffic({.destinations_max = 2});
  const std::vector<std::string> topics = {"a", "b", "c", "d"};
  traffic.OnTransaction(ReportTo(topics));
  traffic.OnTransaction(ReportTo(topics));
  const TrafficTotals totals = traffic.Totals();
  EXPECT_THAT(TopicsOf(totals), ElementsAre("a", "b", "other"));
  EXPECT_EQ(totals.destinations[0].sent, 2u);
  EXPECT_EQ(totals.destinations[2].sent, 4u);
  EXPECT_EQ(totals.destinations[2].latency->counts[0], 4u);
}

TEST(TrafficTest, LatenciesBeyondTheirLimitAreCountedAsOther) {
  Traffic traffic({.latencies_max = 1});
  const std::vector<std::string> topics = {"a", "b", "c"};
  traffic.OnTransaction(ReportTo(topics));
  const TrafficTotals totals = traffic.Totals();
  EXPECT_THAT(TopicsOf(totals), ElementsAre("a", "b", "c", "other"));
  EXPECT_EQ(totals.destinations[0].latency->counts[0], 1u);
  EXPECT_FALSE(totals.destinations[1].latency);
  EXPECT_EQ(totals.destinations[1].sent, 1u) << "its records are counted by name all the same";
  EXPECT_EQ(totals.destinations[3].sent, 0u);
  EXPECT_EQ(totals.destinations[3].latency->counts[0], 2u);
}

TEST(TrafficTest, TeamsBeyondTheLimitOfLatenciesAreCountedAsOther) {
  Traffic traffic({.latencies_max = 1});
  TransactionReport report;
  for (const char* team : {"a", "b", "c"}) {
    report.teams.push_back({.team = team});
    report.teams.back().latency.counts[2] = 1;
  }
  traffic.OnTransaction(report);
  traffic.OnTransaction(report);
  const TrafficTotals totals = traffic.Totals();
  ASSERT_EQ(totals.teams.size(), 2u);
  EXPECT_EQ(totals.teams.at("a").counts[2], 2u);
  EXPECT_EQ(totals.teams.at("other").counts[2], 4u);
}

TEST(TrafficTest, RulesBeyondTheLimitOfLatenciesAreCountedAsOther) {
  Traffic traffic({.latencies_max = 1});
  TransactionReport report;
  report.rules = support::RuleSetOf({R"({"team": "t", "destinations": ["t"], "rules": [
      {"name": "a", "match": {"x": [1]}, "to": "t"}, {"name": "b", "match": {"x": [1]}, "to": "t"},
      {"name": "c", "match": {"x": [1]}, "to": "t"}, {"name": "d", "match": {"x": [1]}, "to": "t"}
      ]})"});
  for (router::RuleIndex rule = 0; rule < 4; ++rule) {
    report.rule_counts.push_back({.rule = rule, .matched = 1, .routed = rule == 0 ? 0u : 1u});
    report.rule_latencies.emplace_back().counts[2] = rule;
  }
  traffic.OnTransaction(report);
  traffic.OnTransaction(report);
  const std::vector<RuleTraffic> rules = traffic.Totals().rules;
  ASSERT_EQ(rules.size(), 5u);
  EXPECT_EQ(rules[0].team, "other");
  EXPECT_EQ(rules[0].latency->counts[2], 4u + 6u);
  EXPECT_FALSE(rules[1].latency) << "nothing was sent for it";
  EXPECT_EQ(rules[2].latency->counts[2], 2u);
  EXPECT_FALSE(rules[3].latency);
  EXPECT_EQ(rules[3].counts.routed, 2u) << "its records are counted by name all the same";
}

TEST(TrafficTest, TheAnswerHoldsTheBusiestInTheirOrder) {
  TrafficTotals totals;
  for (size_t i = 0; i < kTrafficRowsMax + 10; ++i) {
    totals.destinations.push_back({.topic = absl::StrCat("t", i), .sent = i});
  }
  const json answer = json::parse(TrafficJson(totals, absl::FromUnixMillis(1'500)));
  EXPECT_EQ(answer["at"], 1.5);
  EXPECT_EQ(answer["destinations_counted"], kTrafficRowsMax + 10);
  ASSERT_EQ(answer["destinations"].size(), kTrafficRowsMax);
  EXPECT_EQ(answer["destinations"][0]["destination"], "t10");
  EXPECT_EQ(answer["destinations"].back()["sent"], kTrafficRowsMax + 9);
}

TEST(TrafficTest, TheAnswerIsValidAndWithoutSecretsWhateverTopicsAreCalled) {
  HideInLog("tr4fficsecret");
  TrafficTotals totals;
  totals.destinations = {{.topic = "a\xff\"<b>"}, {.topic = "x.tr4fficsecret"}};
  const json answer = json::parse(TrafficJson(totals, absl::UnixEpoch()));
  EXPECT_EQ(answer["destinations"][0]["destination"], "a\xEF\xBF\xBD\"<b>");
  EXPECT_EQ(answer["destinations"][1]["destination"], "x.[secret]");
}

}  // namespace
}  // namespace turnout::runtime

#include "deploy/manager/onboarding_request.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "deploy/manager/onboarding_records.h"
#include "deploy/manager/onboarding_trial.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/document.h"
#include "tests/support/memory_checkpoint_store.h"

namespace turnout::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kBody[] = R"({"service": "orders", "team": "fraud", "owner": "o", "rate": 7,
  "match": {"type": ["a"]}, "to": ["fraud.a"]})";

std::string Changed(const std::string& from, const std::string& to) {
  return absl::StrReplaceAll(kBody, {{from, to}});
}

router::RuleFile FileOf(const OnboardingRequest& request) {
  std::vector<router::Problem> problems;
  auto file = router::ReadRuleFile("fraud.json", RuleFileOf(request), {}, &problems);
  EXPECT_TRUE(file.has_value()) << (problems.empty() ? "" : problems[0].what);
  return file.value_or(router::RuleFile{});
}

TEST(OnboardingRequest, APatternBecomesARule) {
  const auto request = ReadOnboardingRequest(kBody);
  ASSERT_TRUE(request.ok()) << request.status();
  const router::RuleFile file = FileOf(*request);
  ASSERT_EQ(file.rules.size(), 1u);
  EXPECT_EQ(file.rules[0].name, "all");
  EXPECT_EQ(file.owner, "o");
  EXPECT_THAT(file.allowed_destinations, ElementsAre("fraud.*"));
  EXPECT_THAT(*TopicsOf(*request, {}, file), ElementsAre("fraud.a"));
}

TEST(OnboardingRequest, WholeRulesBringTheirTopics) {
  const auto request = ReadOnboardingRequest(
      Changed(R"("match": {"type": ["a"]}, "to": ["fraud.a"])",
              R"("to": ["fraud.eu"], "rules": [{"name": "x", "match": {"a": [1]},
                 "to": ["fraud.b", "fraud.{region}"]}])"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_THAT(*TopicsOf(*request, {}, FileOf(*request)), ElementsAre("fraud.b", "fraud.eu"));
}

TEST(OnboardingRequest, SaysWhatIsWrongWithABody) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"[]", "a JSON object"},
      {Changed("\"rate\": 7", "\"rate\": 0"), "`rate`"},
      {Changed("\"rate\": 7", "\"rate\": 1.5"), "`rate`"},
      {Changed("\"owner\": \"o\", ", ""), "`owner`"},
      {Changed("fraud\"", "Fraud\""), "a team's name"},
      {Changed("fraud\"", "fraud-\""), "a team's name"},
      {Changed("orders", "../x"), "service"},
      {Changed("\"rate\"", "\"ratee\""), "unknown name"},
      {Changed("\"rate\": 7", "\"rate\": 7, \"rate\": 8"), "once"},
      {Changed("\"match\": {\"type\": [\"a\"]}, ", ""), "`match`"},
      {Changed("\"match\"", "\"rules\": [], \"match\""), "not both"},
      {Changed("[\"fraud.a\"]", "[]"), "`to`"},
      {Changed("[\"fraud.a\"]", "[1]"), "`to`"},
  };
  for (const auto& [body, said] : cases) {
    const auto request = ReadOnboardingRequest(body);
    EXPECT_TRUE(absl::IsInvalidArgument(request.status())) << body;
    EXPECT_THAT(std::string(request.status().message()), HasSubstr(said)) << body;
  }
}

TEST(OnboardingRequest, TopicsAreTheTeamsAndTheRateIsThePolicys) {
  OnboardingRequest request = *ReadOnboardingRequest(kBody);
  const router::RuleFile file = FileOf(request);
  for (const char* topic : {"growth.a", "fraud", "fraudulent.a", "fraud.a b", ""}) {
    OnboardingRequest other = request;
    other.to.push_back(topic);
    EXPECT_TRUE(absl::IsInvalidArgument(TopicsOf(other, {}, file).status())) << topic;
  }
  OnboardingPolicy policy;
  policy.rate_max = 6;
  EXPECT_THAT(std::string(TopicsOf(request, policy, file).status().message()),
              HasSubstr("up to 6 events a second"));
}

TEST(OnboardingTrial, CountsWhatWouldBeRoutedOfMaskedEvents) {
  const auto team = std::make_shared<const router::RuleFile>(FileOf(*ReadOnboardingRequest(kBody)));
  router::StateSettings settings;
  settings.partitioned_by = router::kOnePartition;
  const std::string sample = R"({"state": "here", "events": [
      {"partition": 0, "value": "{\"type\":\"a\",\"card\":\"***\"}", "headers": []},
      {"partition": 0, "value": "{\"type\":\"b\"}", "headers": [{"name": "h", "value": "v"}]},
      {"partition": 0, "note": "it can't be shown"}]})";
  const std::string told = TryOnSample(sample, team, settings);
  EXPECT_THAT(told, HasSubstr(R"("state":"here","events":2,"matched":1)"));
  EXPECT_THAT(told, HasSubstr(R"({"rule":"fraud/all","matched":1})"));
  EXPECT_THAT(told, HasSubstr("***"));
  EXPECT_THAT(TryOnSample(R"({"state": "asked"})", team, settings), HasSubstr(R"("events":0)"));
  EXPECT_THAT(TryOnSample(R"({"state": "unreadable", "note": "why"})", team, settings),
              AllOf(HasSubstr(R"("state":"unreadable")"), HasSubstr(R"("note":"why")")));
}

class OnboardingRecordsTest : public testing::Test {
 protected:
  static OnboardingRecord Record(const std::string& topic, bool is_undone = false) {
    OnboardingRecord record{.by = "ann", .why = "why", .at_ms = 5, .is_undone = is_undone};
    if (!is_undone) {
      record.steps.push_back(
          {.kind = StepKind::kTopic, .name = topic, .topic = {.name = topic, .partitions = 3}});
    }
    return record;
  }

  support::MemoryCheckpointStore store_;
  OnboardingRecords records_{&store_};
};

TEST_F(OnboardingRecordsTest, WhatWasMadeIsKnownUntilItIsUndone) {
  EXPECT_EQ(*records_.Add("Orders", "fraud", 0, Record("fraud.a")), 1);
  EXPECT_EQ(*records_.Add("Orders", "fraud", 1, Record("fraud.b")), 2);
  const Onboarded onboarded = *records_.Of("Orders", "fraud");
  EXPECT_EQ(onboarded.last, 2);
  EXPECT_EQ(onboarded.made().size(), 2u);
  EXPECT_EQ(onboarded.made().at("topic fraud.a").topic.partitions, 3);
  EXPECT_EQ(*records_.Add("Orders", "fraud", 2, Record("", true)), 3);
  EXPECT_TRUE(records_.Of("Orders", "fraud")->records.empty());
  EXPECT_EQ(records_.Of("Orders", "fraud")->last, 3);
  EXPECT_THAT(*records_.Teams("Orders"), ElementsAre("fraud"));
  EXPECT_TRUE(records_.Teams("orders")->empty()) << "another service";
}

TEST_F(OnboardingRecordsTest, OfTwoThatMakeTheSameRecordOneIsToldSo) {
  EXPECT_TRUE(records_.Add("orders", "fraud", 0, Record("fraud.a")).ok());
  EXPECT_TRUE(absl::IsAborted(records_.Add("orders", "fraud", 0, Record("fraud.b")).status()));
}

TEST_F(OnboardingRecordsTest, OneThatCantBeReadIsNamed) {
  ASSERT_TRUE(records_.Add("orders", "fraud", 0, Record("fraud.a")).ok());
  const std::string name = store_.List("")->front().name;
  ASSERT_TRUE(store_.Remove(name).ok());
  ASSERT_TRUE(*store_.PutIfAbsent(name, "{}"));
  const absl::Status status = records_.Of("orders", "fraud").status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(name));
}

}  // namespace
}  // namespace turnout::manager

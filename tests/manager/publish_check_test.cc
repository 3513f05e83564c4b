#include "deploy/manager/publish_check.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace turnout::manager {
namespace {

const ItemId kRules{"shop", ItemKind::kRules, "fraud"};
const ItemId kTests{"shop", ItemKind::kTests, "fraud"};
const ItemId kPipeline{"shop", ItemKind::kPipeline, "main"};
const ItemId kConfig{"shop", ItemKind::kConfig, "url"};
const ItemId kSecret{"shop", ItemKind::kSecret, "kafka"};

constexpr char kTestText[] =
    "cases:\n"
    "  - name: a large payment is looked at\n"
    "    events: [{value: {type: payment, amount: 900}, expect: [{to: fraud.review}]}]\n";

std::string RulesOf(const std::string& rules, const std::string& team = "fraud") {
  return absl::StrCat("team: ", team, "\ndestinations: [fraud.*]\nrules:\n", rules);
}

std::string RuleOf(const std::string& name, const std::string& match,
                   const std::string& more = "") {
  return absl::StrCat("  - {name: ", name, ", match: ", match, ", to: fraud.review", more, "}\n");
}

std::string PipelineOf(const std::string& more) {
  return absl::StrCat("brokers: kafka:9092\nsource: {topic: events, group: router}\nrules: rules\n",
                      more);
}

class PublishCheckTest : public testing::Test {
 protected:
  void Have(const ItemId& id, std::string text, std::string type = "") {
    before_[id] = {.id = id, .content = {.text = std::move(text), .type = std::move(type)}};
  }

  PublishReport Check(const std::vector<Edit>& edits) {
    absl::StatusOr<PublishReport> report =
        CheckPublish(before_, edits, router::RuleLimits(), router::StateSettings());
    EXPECT_TRUE(report.ok()) << report.status();
    return *std::move(report);
  }
  PublishReport Put(const ItemId& id, std::string text, std::string type = "") {
    return Check(
        {{.id = id, .content = ItemContent{.text = std::move(text), .type = std::move(type)}}});
  }

  // "fraud/a widened match"
  static std::vector<std::string> Changes(const PublishReport& report) {
    static const char* const kNames[] = {"added", "removed", "widened", "narrowed", "changed"};
    std::vector<std::string> lines;
    for (const RuleChange& change : report.rules) {
      std::string line = absl::StrCat(change.rule, " ", kNames[static_cast<int>(change.effect)]);
      for (const std::string& part : change.parts) absl::StrAppend(&line, " ", part);
      lines.push_back(line);
    }
    return lines;
  }

  static std::string Problems(const PublishReport& report) {
    std::string lines;
    for (const ItemProblem& problem : report.problems) {
      absl::StrAppend(&lines, problem.id.ToString(), ":", problem.line, ":", problem.column, " ",
                      problem.rule, " ", problem.text, "\n");
    }
    return lines;
  }

  std::map<ItemId, Item> before_;
};

using Lines = std::vector<std::string>;

TEST_F(PublishCheckTest, WhatBecomesOfEachRuleIsSaid) {
  const std::string stays = RuleOf("stays", "{type: [x]}");
  Have(kRules, RulesOf(stays + RuleOf("goes", "{a: [1]}") + RuleOf("opens", "{a: [1], b: [2]}") +
                       RuleOf("closes", "{a: [1, 2]}") + RuleOf("turns", "{a: [1]}") +
                       RuleOf("same", "{a: [1, 2]}") + RuleOf("sent", "{a: [1]}")));
  const PublishReport report =
      Put(kRules, RulesOf(RuleOf("sent", "{a: [1, 5]}",
                                 ", key: a, steps: [{dedup: {key: a, for: "
                                 "1h}}], rollout: {percent: 5}") +
                          RuleOf("comes", "{a: [1]}") + RuleOf("opens", "{a: [1]}") +
                          RuleOf("closes", "{a: [2]}") + RuleOf("turns", "{a: [7]}") +
                          RuleOf("same", "{a: [2, 1]}") + stays));
  EXPECT_TRUE(report.ok()) << Problems(report);
  EXPECT_EQ(Changes(report),
            (Lines{"fraud/closes narrowed match", "fraud/comes added", "fraud/goes removed",
                   "fraud/opens widened match", "fraud/same changed notation",
                   "fraud/sent changed match steps key rollout", "fraud/turns changed match"}));
}

TEST_F(PublishCheckTest, WordsForPeopleAndNotationAreNoChange) {
  Have(kRules, RulesOf(RuleOf("a", "{x: {y: [1]}}") + RuleOf("b", "{z: [2]}")));
  const PublishReport report =
      Put(kRules,
          R"({"team": "fraud", "owner": "me", "destinations": ["fraud.*"], "rules": [
          {"name": "b", "match": {"z": [2]}, "to": ["fraud.review"], "description": "New words."},
          {"name": "a", "match": {"x": {"y": [1]}}, "to": "fraud.review"}]})");
  EXPECT_TRUE(report.ok()) << Problems(report);
  EXPECT_EQ(Changes(report), Lines{});
}

TEST_F(PublishCheckTest, DestinationsOfTheTeamBearOnRulesThatNameFields) {
  const std::string rules =
      "  - {name: a, match: {x: [1]}, to: 'fraud.{x}'}\n  - {name: b, match: {x: [1]}, to: "
      "fraud.b}\n";
  Have(kRules, absl::StrCat("team: fraud\ndestinations: [fraud.*]\nrules:\n", rules));
  const PublishReport report =
      Put(kRules, absl::StrCat("team: fraud\ndestinations: [fraud.*, alerts]\nrules:\n", rules));
  EXPECT_EQ(Changes(report), Lines{"fraud/a changed destinations"});
}

TEST_F(PublishCheckTest, AFileThatDoesNotCompileIsNotPublished) {
  const PublishReport report =
      Put(kRules, RulesOf(RuleOf("a", "{x: 1}") + RuleOf("b", "{x: [1]}", ", steps: 5")));
  EXPECT_FALSE(report.ok());
  ASSERT_EQ(report.problems.size(), 2u) << Problems(report);
  EXPECT_EQ(report.problems[0].rule, "fraud/a");
  EXPECT_EQ(report.problems[0].line, 4u);
  EXPECT_EQ(report.problems[1].rule, "fraud/b");
  EXPECT_EQ(report.problems[1].line, 5u);
  EXPECT_EQ(Changes(report), Lines{});
}

TEST_F(PublishCheckTest, AnItemHoldsTheRulesOfTheTeamThatItIsCalledAfter) {
  const PublishReport report = Put(kRules, RulesOf(RuleOf("a", "{x: [1]}"), "cards"));
  EXPECT_FALSE(report.ok());
  EXPECT_NE(Problems(report).find("write `team: fraud`, or put the file at shop/rules/cards"),
            std::string::npos)
      << Problems(report);
}

TEST_F(PublishCheckTest, TestsRunWhereRulesOrTestsChange) {
  const std::string rules = RulesOf(RuleOf("large", "{amount: [{numeric: ['>', 500]}]}"));
  Have(kRules, rules);
  Have(kTests, kTestText);
  PublishReport report = Put(kRules, rules + RuleOf("other", "{amount: [1]}"));
  ASSERT_EQ(report.tests.size(), 1u) << Problems(report);
  EXPECT_EQ(report.tests[0].name, "a large payment is looked at");
  EXPECT_EQ(report.tests[0].line, 2u);
  EXPECT_TRUE(report.ok()) << Problems(report);

  report = Put(kRules, RulesOf(RuleOf("large", "{amount: [{numeric: ['>', 1000]}]}")));
  ASSERT_EQ(report.tests.size(), 1u);
  ASSERT_EQ(report.tests[0].failures.size(), 1u);
  EXPECT_NE(report.tests[0].failures[0].find("found none"), std::string::npos);
  EXPECT_FALSE(report.ok());
  EXPECT_EQ(Changes(report), Lines{"fraud/large narrowed match"});

  EXPECT_EQ(Put(kTests, kTestText).tests.size(), 1u);
  EXPECT_EQ(Put(kConfig, "x", "string").tests.size(), 0u);
}

TEST_F(PublishCheckTest, EventsFilesAreNoPartOfTests) {
  Have(kRules, RulesOf(RuleOf("a", "{x: [1]}")));
  const PublishReport report =
      Put(kTests, "cases: [{name: n, events: [{file: /etc/passwd, expect: none}]}]");
  EXPECT_TRUE(report.tests.empty());
  ASSERT_EQ(report.problems.size(), 1u) << Problems(report);
  EXPECT_NE(report.problems[0].text.find("`file`"), std::string::npos) << Problems(report);
  EXPECT_EQ(report.problems[0].text.find("root:"), std::string::npos);
}

TEST_F(PublishCheckTest, TestsDoNotOutliveTheirRules) {
  Have(kRules, RulesOf(RuleOf("a", "{x: [1]}")));
  Have(kTests, kTestText);
  const PublishReport report = Check({{.id = kRules}});
  EXPECT_EQ(Changes(report), Lines{"fraud/a removed"});
  EXPECT_NE(Problems(report).find("delete the tests too"), std::string::npos) << Problems(report);
  EXPECT_TRUE(Check({{.id = kRules}, {.id = kTests}}).ok());
}

TEST_F(PublishCheckTest, APipelineIsWhatRunWouldTake) {
  EXPECT_TRUE(Put(kPipeline, PipelineOf("")).ok());
  const PublishReport report = Put(kPipeline, PipelineOf("wrokers: 4\n"));
  EXPECT_NE(Problems(report).find("shop/pipeline/main:4:1 "), std::string::npos)
      << Problems(report);
  EXPECT_NE(Problems(report).find("workers"), std::string::npos) << Problems(report);
  EXPECT_FALSE(Put(kPipeline, "brokers: kafka:9092\n").ok());
}

TEST_F(PublishCheckTest, WhatReferencesStandForIsNotLookedAt) {
  Have(kSecret, "sealed");
  const PublishReport report =
      Put(kPipeline, PipelineOf("workers: ${env:WORKERS}\ninstance: ${file:/etc/hostname}\nkafka:\n"
                                "  security.protocol: ${env:PROTOCOL}\n"
                                "  sasl.password: ${secret:kafka}  # not ${secret:old}\n"));
  EXPECT_TRUE(report.ok()) << Problems(report);
  EXPECT_FALSE(Put(kPipeline, PipelineOf("instance: ${host:x}\n")).ok());
  EXPECT_FALSE(Put(kPipeline, PipelineOf("instance: ${env:X\n")).ok());
}

TEST_F(PublishCheckTest, ASecretThatIsReferredToIsThere) {
  const std::string text = PipelineOf("kafka: {sasl.password: '${secret:kafka}'}\n");
  EXPECT_EQ(Problems(Put(kPipeline, text)),
            "shop/pipeline/main:4:24  there is no secret `kafka` (create shop/secret/kafka first, "
            "or in the same change)\n");
  EXPECT_EQ(Problems(Put(kConfig, "a\n b ${secret:kafka} $${secret:x}", "string")),
            "shop/config/url:2:4  there is no secret `kafka` (create shop/secret/kafka first, or "
            "in the same change)\n");
  EXPECT_FALSE(Put(kConfig, "${secret:}", "string").ok());
  EXPECT_NE(Problems(Put(kConfig, "${secret:kafka", "string")).find("not closed"),
            std::string::npos);
  EXPECT_TRUE(Check({{.id = kSecret, .content = ItemContent{.text = "sealed"}},
                     {.id = kPipeline, .content = ItemContent{.text = text}}})
                  .ok());
}

TEST_F(PublishCheckTest, ASecretInUseIsNotDeleted) {
  Have(kSecret, "sealed");
  Have(kConfig, "x ${secret:kafka}", "string");
  const PublishReport report = Check({{.id = kSecret}});
  ASSERT_EQ(report.problems.size(), 1u) << Problems(report);
  EXPECT_EQ(report.problems[0].id, kConfig);
  EXPECT_TRUE(Check({{.id = kSecret}, {.id = kConfig}}).ok());
}

TEST_F(PublishCheckTest, ContentsThatMayNotStandThereAreProblems) {
  EXPECT_FALSE(Put(kConfig, "yes", "boolean").ok());
  EXPECT_FALSE(Put({"shop", ItemKind::kConfig, "../x"}, "1", "number").ok());
  const Edit edit{.id = kConfig, .content = ItemContent{.text = "1", .type = "number"}};
  EXPECT_TRUE(Check({edit}).ok());
  EXPECT_FALSE(Check({edit, edit}).ok());
}

TEST_F(PublishCheckTest, ManyProblemsOfAnItemAreCounted) {
  std::string rules;
  for (int i = 0; i < 500; ++i) rules += RuleOf(absl::StrCat("r", i), "{x: 1}");
  const PublishReport report = Put(kRules, RulesOf(rules));
  ASSERT_EQ(report.problems.size(), kProblemsPerItemMax);
  EXPECT_NE(report.problems.back().text.find("401 more"), std::string::npos);
}

}  // namespace
}  // namespace turnout::manager

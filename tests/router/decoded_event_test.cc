// Events whose payload is in another format: what is read is its JSON, what is sent its bytes.

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/explainer.h"
#include "router/router.h"
#include "tests/support/rules_of.h"

namespace turnout::router {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kRules[] = R"(
team: a
destinations: [a.*]
rules:
  - {name: plain, match: {type: [order]}, to: "a.{region}", key: id}
  - {name: shaped, match: {type: [order]}, shape: {keep: [id]}, to: a.shaped}
  - {name: record, match: {$kafka: {key: [k]}}, to: a.record}
)";
constexpr char kShapedByKey[] = R"(
team: a
destinations: [a.*]
rules: [{name: r, match: {$kafka: {key: [k]}}, shape: {keep: [id]}, to: a.shaped}]
)";
constexpr char kByKey[] = R"(
team: a
destinations: [a.*]
rules: [{name: r, match: {$kafka: {key: [k]}}, to: a.record}]
)";

constexpr std::string_view kBytes{"\0\0\0\0\x07 avro", 10};
constexpr std::string_view kJson =
    R"({"type":"order","region":"emea","id":"c-1","more":"than there are bytes of it"})";

std::shared_ptr<const RuleSet> Built(const char* rules) {
  return RuleSet::Build({support::TeamOf(rules)}, {});
}

std::string ValueFor(const Routes& routes, std::string_view destination) {
  for (const Output& output : routes.outputs) {
    if (output.destination == destination) return std::string(output.value);
  }
  return "none";
}

TEST(DecodedEvent, PatternsReadItsJsonAndOutputsCarryItsBytes) {
  Router router(Built(kRules));
  const Routes& routes = router.Route({.value = kBytes, .key = "k", .decoded = kJson});
  EXPECT_TRUE(routes.payload_error.ok());
  ASSERT_THAT(routes.outputs, SizeIs(3));
  EXPECT_EQ(ValueFor(routes, "a.emea"), kBytes);
  EXPECT_EQ(ValueFor(routes, "a.record"), kBytes);
  EXPECT_EQ(ValueFor(routes, "a.shaped"), R"({"id":"c-1"})");
  for (const Output& output : routes.outputs) {
    if (output.destination == "a.emea") {
      EXPECT_EQ(output.key, "c-1");
    }
  }
}

TEST(DecodedEvent, WhatCantBeDecodedIsADeadLetterAndJudgedByItsRecord) {
  Router router(Built(kRules));
  const std::string why = "no schema 7";
  // It may even look like JSON.
  const Routes& routes = router.Route({.value = kJson, .key = "k", .undecodable = &why});
  EXPECT_EQ(routes.payload_error.message(), why);
  ASSERT_THAT(routes.outputs, SizeIs(1));
  EXPECT_EQ(routes.outputs[0].destination, "a.record");
}

TEST(DecodedEvent, AShapeOfARuleThatAsksForTheRecordAloneNeedsIt) {
  Router router(Built(kShapedByKey));
  const std::string why = "no schema 7";
  const Routes& lacking = router.Route({.value = kBytes, .key = "k", .undecodable = &why});
  EXPECT_THAT(lacking.outputs, IsEmpty());
  ASSERT_THAT(lacking.rejections, SizeIs(1));
  EXPECT_THAT(std::string(lacking.rejections[0].reason), HasSubstr(why));
  const Routes& routes = router.Route({.value = kBytes, .key = "k", .decoded = kJson});
  EXPECT_EQ(ValueFor(routes, "a.shaped"), R"({"id":"c-1"})");
}

TEST(DecodedEvent, RuleSetsSayWhetherTheyReadIt) {
  EXPECT_TRUE(Built(kRules)->reads_payload());
  EXPECT_TRUE(Built(kShapedByKey)->reads_payload());
  EXPECT_FALSE(Built(kByKey)->reads_payload());
}

TEST(DecodedEvent, IsExplainedByItsJson) {
  Explainer explainer(Built(kRules));
  const Explanation told =
      explainer.Explain({.value = kBytes, .key = "k", .decoded = kJson}, nullptr);
  EXPECT_EQ(told.payload_error, "");
  EXPECT_THAT(told.rules, SizeIs(3));
  for (const RuleExplanation& rule : told.rules) EXPECT_TRUE(rule.matched) << rule.id;

  const std::string why = "no schema 7";
  const Explanation lacking =
      explainer.Explain({.value = kBytes, .key = "k", .undecodable = &why}, nullptr);
  EXPECT_EQ(lacking.payload_error, why);
  for (const RuleExplanation& rule : lacking.rules) {
    EXPECT_EQ(rule.matched, rule.id == "a/record") << rule.id;
  }
}

// The rules that ask for the record alone have had it.
TEST(DecodedEvent, IsPutBackByItsJson) {
  Router router(Built(kRules));
  const Routes& routes = router.Redrive({.value = kBytes, .key = "k", .decoded = kJson}, {});
  EXPECT_THAT(routes.outputs, SizeIs(2));
  EXPECT_EQ(ValueFor(routes, "a.emea"), kBytes);
  EXPECT_EQ(ValueFor(routes, "a.record"), "none");
}

}  // namespace
}  // namespace turnout::router

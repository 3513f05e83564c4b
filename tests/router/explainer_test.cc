// What is told of an event and its rules, case by case.
#include "router/explainer.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rules_of.h"

namespace turnout::router {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = PatternFault::Kind;

class Tables : public TableLookup {
 public:
  absl::StatusOr<bool> Find(size_t table, std::string_view key, std::string* value) const override {
    const auto found = records.find(std::to_string(table) + "/" + std::string(key));
    if (found == records.end()) return false;
    *value = found->second;
    return true;
  }
  std::map<std::string, std::string> records;  // "table's number/key" to JSON
};

// A team's rules, each a line of YAML.
std::shared_ptr<const RuleSet> RulesOf(const std::vector<std::string>& rules) {
  std::string text = "team: t\ndestinations: ['*']\nrules:\n";
  for (const std::string& rule : rules) text += "  - " + rule + "\n";
  return support::RuleSetOf({text});
}

// Of one rule with this pattern.
PatternFault FaultOf(const std::string& pattern, std::string_view event) {
  Explainer explainer(RulesOf({"{name: r, to: out, match: " + pattern + "}"}));
  const Explanation explanation = explainer.Explain({.value = event, .topic = "in"}, nullptr);
  EXPECT_THAT(explanation.rules, SizeIs(1));
  EXPECT_FALSE(explanation.rules[0].matched);
  EXPECT_THAT(explanation.outputs, IsEmpty());
  return explanation.rules[0].fault;
}

std::vector<std::string> Texts(const std::vector<SeenValue>& seen) {
  std::vector<std::string> texts;
  for (const SeenValue& value : seen) texts.push_back(value.text);
  return texts;
}

TEST(Explainer, NamesTheFirstFieldThatFailsInTheOrderOfTheRule) {
  const PatternFault fault =
      FaultOf(R"({z: [a], order: {total: [{numeric: [">=", 500]}]}, b: [c]})",
              R"({"z": "a", "order": {"total": 17}, "b": "no"})");
  EXPECT_EQ(fault.kind, Kind::kValue);
  EXPECT_EQ(fault.field, "order.total");
  EXPECT_EQ(fault.wanted, R"([{"numeric": [">=", 500]}])");
  EXPECT_THAT(Texts(fault.seen), ElementsAre("17"));
  EXPECT_EQ(fault.seen[0].kind, ValueKind::kNumber);
  EXPECT_EQ(fault.fields, 3u);
  EXPECT_EQ(fault.fields_failed, 2u);
}

TEST(Explainer, AFieldThatIsNotThereIsAbsent) {
  const PatternFault fault = FaultOf("{a: [x, {prefix: y}]}", R"({"b": 1})");
  EXPECT_EQ(fault.kind, Kind::kAbsent);
  EXPECT_EQ(fault.wanted, R"(["x", {"prefix": "y"}])");
  EXPECT_THAT(fault.seen, IsEmpty());
}

TEST(Explainer, AFieldThatShouldNotBeThereShowsItsValue) {
  const PatternFault fault = FaultOf("{a: [{exists: false}]}", R"({"a": true})");
  EXPECT_EQ(fault.kind, Kind::kValue);
  EXPECT_EQ(fault.wanted, R"([{"exists": false}])");
  EXPECT_THAT(Texts(fault.seen), ElementsAre("true"));
}

TEST(Explainer, AllValuesOfAnArrayAreShownUpToTen) {
  const PatternFault fault = FaultOf("{a: [x]}", R"({"a": [1,2,3,4,5,6,7,8,9,10,11,"\u0041"]})");
  EXPECT_EQ(fault.values, 12u);
  EXPECT_THAT(fault.seen, SizeIs(kSeenValuesMax));
}

TEST(Explainer, LongValuesAreCutBetweenCharacters) {
  const std::string text = std::string(199, 'x') + "\u00e9y";
  const PatternFault fault = FaultOf("{a: [x]}", "{\"a\": \"" + text + "\"}");
  ASSERT_THAT(fault.seen, SizeIs(1));
  EXPECT_EQ(fault.seen[0].text, std::string(199, 'x'));
  EXPECT_EQ(fault.seen[0].bytes_left_out, 3u);
}

TEST(Explainer, OfAlternativesTheOneThatCameClosestIsTold) {
  const PatternFault fault = FaultOf("{$or: [{a: [1], b: [1], c: [1]}, {d: [2], e: [2], f: [2]}]}",
                                     R"({"a": 1, "b": 3, "c": 3, "d": 2, "e": 2, "f": 4})");
  EXPECT_EQ(fault.field, "f");
  EXPECT_EQ(fault.branches, 2u);
  EXPECT_EQ(fault.fields_failed, 1u);
}

TEST(Explainer, ValuesInDifferentElementsOfAnArrayAreSaidToBe) {
  const PatternFault fault =
      FaultOf("{items: {sku: [a], qty: [2]}}",
              R"({"items": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 2}]})");
  EXPECT_EQ(fault.kind, Kind::kElements);
  EXPECT_EQ(fault.field, "items.sku");
  EXPECT_THAT(fault.together_with, ElementsAre("items.qty"));
  EXPECT_THAT(Texts(fault.seen), ElementsAre("a"));
}

TEST(Explainer, ARecordsOwnFieldsAreNamedAsInRules) {
  Explainer explainer(
      RulesOf({"{name: r, to: out, match: {$kafka: {headers: {ce_type: [a]}, partition: [1]}}}"}));
  const std::vector<Header> headers = {{"ce_type", "b"}, {"ce_type", std::string_view()}};
  const Explanation explanation =
      explainer.Explain({.value = "no json", .partition = 1, .headers = headers}, nullptr);
  EXPECT_EQ(explanation.payload_error, "");
  const PatternFault& fault = explanation.rules[0].fault;
  EXPECT_EQ(fault.field, "$kafka.headers.ce_type");
  EXPECT_THAT(Texts(fault.seen), ElementsAre("b", "null"));
  EXPECT_EQ(fault.seen[1].kind, ValueKind::kNull);
}

TEST(Explainer, APayloadThatCannotBeReadIsSaidOnceAndOfEachRule) {
  Explainer explainer(RulesOf({"{name: a, to: out, match: {x: [1]}}",
                               "{name: b, to: out, match: {$kafka: {topic: [in]}}}"}));
  const Explanation explanation = explainer.Explain({.value = "{", .topic = "in"}, nullptr);
  EXPECT_THAT(explanation.payload_error, HasSubstr("not valid JSON"));
  EXPECT_EQ(explanation.rules[0].id, "t/b");
  EXPECT_TRUE(explanation.rules[0].matched);
  EXPECT_EQ(explanation.rules[1].fault.kind, Kind::kUnreadable);
  EXPECT_THAT(explanation.outputs, SizeIs(1));
}

TEST(Explainer, AMatchIsToldWithWhereItWent) {
  Explainer explainer(RulesOf(
      {"{name: a, to: ['out.{region}', all], key: id, shape: {keep: [id]}, match: {x: [1]}}"}));
  const Explanation explanation =
      explainer.Explain({.value = R"({"x": 1, "region": "emea", "id": 7})"}, nullptr);
  const RuleExplanation& rule = explanation.rules[0];
  EXPECT_TRUE(rule.matched);
  EXPECT_TRUE(rule.is_shaped);
  EXPECT_THAT(rule.outputs, ElementsAre(0, 1));
  ASSERT_THAT(explanation.outputs, SizeIs(2));
  EXPECT_EQ(explanation.outputs[0].destination, "out.emea");
  EXPECT_EQ(explanation.outputs[0].key, "7");
  EXPECT_EQ(explanation.outputs[0].value, R"({"id":7})");
  EXPECT_EQ(explanation.outputs[0].rule_ids, "t/a");
  EXPECT_EQ(explanation.rule_set, explainer.rules().hash());
}

TEST(Explainer, AMatchThatCannotBeRoutedIsRejectedWithItsReason) {
  Explainer explainer(RulesOf({"{name: a, to: 'out.{region}', match: {x: [1]}}"}));
  const Explanation explanation = explainer.Explain({.value = R"({"x": 1})"}, nullptr);
  ASSERT_THAT(explanation.rules[0].rejected, SizeIs(1));
  EXPECT_THAT(explanation.rules[0].rejected[0].reason, HasSubstr("field `region`"));
  EXPECT_FALSE(explanation.rules[0].rejected[0].park);
}

TEST(Explainer, AShareOfNothingHoldsItsRecordsBack) {
  Explainer explainer(RulesOf({"{name: a, to: out, rollout: {percent: 0}, match: {x: [1]}}",
                               "{name: b, to: out, match: {x: [1]}}"}));
  const Explanation explanation = explainer.Explain({.value = R"({"x": 1})"}, nullptr);
  const RuleExplanation& rule = explanation.rules[0];
  ASSERT_TRUE(rule.rollout);
  EXPECT_TRUE(rule.rollout->is_held_back);
  EXPECT_FALSE(rule.rollout->is_shadow);
  EXPECT_EQ(rule.rollout->percent, 0);
  EXPECT_THAT(rule.outputs, IsEmpty());
  EXPECT_FALSE(explanation.rules[1].rollout);
  ASSERT_THAT(explanation.outputs, SizeIs(1));
  EXPECT_EQ(explanation.outputs[0].rule_ids, "t/b");
}

TEST(Explainer, ARuleInShadowIsToldWithWhatItWouldSend) {
  Explainer explainer(
      RulesOf({"{name: a, to: ['out.{region}', all], key: id, shape: {keep: [id]}, "
               "rollout: {mode: shadow}, match: {x: [1]}}"}));
  const Explanation explanation = explainer.Explain({.value = R"({"x": 1, "id": 7})"}, nullptr);
  const RuleExplanation& rule = explanation.rules[0];
  ASSERT_TRUE(rule.rollout);
  EXPECT_TRUE(rule.rollout->is_shadow);
  EXPECT_FALSE(rule.rollout->is_held_back);
  ASSERT_THAT(rule.rollout->shadowed, SizeIs(1));
  EXPECT_EQ(rule.rollout->shadowed[0].destination, "all");
  EXPECT_EQ(rule.rollout->shadowed[0].key, "7");
  EXPECT_EQ(rule.rollout->shadowed[0].value, R"({"id":7})");
  EXPECT_EQ(rule.rollout->shadowed[0].rule_ids, "t/a");
  ASSERT_THAT(rule.rejected, SizeIs(1));
  EXPECT_THAT(rule.rejected[0].reason, HasSubstr("field `region`"));
  EXPECT_THAT(explanation.outputs, IsEmpty());
}

TEST(Explainer, TablesAreToldWithTheirKeysUpToTheOneThatHeldTheMatchBack) {
  Tables tables;
  tables.records["0/m-1"] = "1";
  Explainer explainer(
      RulesOf({"{name: a, to: out, match: {x: [1]}, enrich: [{table: shops, key: shop, into: s}, "
               "{table: cards, key: card, into: c, missing: drop}, "
               "{table: shops, key: no, into: n}]}"}),
      &tables);
  const Explanation explanation =
      explainer.Explain({.value = R"({"x": 1, "shop": "m-1", "card": "c-9"})"}, nullptr);
  const std::vector<EnrichDecision>& enrich = explanation.rules[0].enrich;
  ASSERT_THAT(enrich, SizeIs(2));
  EXPECT_EQ(enrich[0].outcome, EnrichDecision::Outcome::kFound);
  EXPECT_EQ(enrich[0].key, "m-1");
  EXPECT_EQ(enrich[1].table, "cards");
  EXPECT_EQ(enrich[1].outcome, EnrichDecision::Outcome::kMissing);
  EXPECT_EQ(enrich[1].missing, MissingPolicy::kDrop);
  EXPECT_THAT(explanation.outputs, IsEmpty());
}

TEST(Explainer, OneRuleCanBeAskedForAlone) {
  ExplainOptions options;
  options.only_rule = "t/b";
  Explainer explainer(
      RulesOf({"{name: a, to: out.a, match: {x: [1]}}", "{name: b, to: out.b, match: {x: [1]}}"}),
      nullptr, options);
  const Explanation explanation = explainer.Explain({.value = R"({"x": 1})"}, nullptr);
  ASSERT_THAT(explanation.rules, SizeIs(1));
  EXPECT_EQ(explanation.rules[0].id, "t/b");
  ASSERT_THAT(explanation.outputs, SizeIs(1));
  EXPECT_EQ(explanation.outputs[0].destination, "out.b");
}

TEST(Explainer, RulesThatDoNotMatchAreToldUpToALimit) {
  ExplainOptions options;
  options.unmatched_max = 1;
  Explainer explainer(
      RulesOf({"{name: a, to: out, match: {x: [1]}}", "{name: b, to: out, match: {x: [2]}}",
               "{name: c, to: out, match: {x: [3]}}"}),
      nullptr, options);
  const Explanation explanation = explainer.Explain({.value = R"({"x": 3})"}, nullptr);
  EXPECT_THAT(explanation.rules, SizeIs(2));
  EXPECT_EQ(explanation.rules[0].id, "t/c");
  EXPECT_EQ(explanation.rules_judged, 3u);
  EXPECT_EQ(explanation.rules_left_out, 1u);
}

TEST(Explainer, WantedListsAreInTheNotationOfRules) {
  const std::vector<std::string> lists = {
      R"([null, true, 12, 1.50])",
      R"([{"anything-but": ["DE", "FR"]}])",
      R"([{"anything-but": {"prefix": "x"}}])",
      R"([{"prefix": {"equals-ignore-case": "X"}}, {"wildcard": "a*b"}])",
      R"([{"numeric": [">", 0, "<=", 10.5]}, {"length": ["<", 5]}])",
      R"([{"timestamp": [">", "2026-01-31T12:30:00Z", "<", "2026-02-28T00:00:00Z"]}])",
      R"([{"cidr": "10.0.0.0/8"}, "10.0.0.1", {"exactly": "10.0.0.1"}])",
      R"([{"prefix": "a", "suffix": "b"}, {"regex": "^x"}])",
      R"([{"numeric": [">=", 0, "<", 1.7976931348623157e+308]}])",
      R"([{"numeric": ["<=", 1.7976931348623157e+308]}, {"numeric": ["=", -5]}])",
  };
  for (const std::string& list : lists) {
    EXPECT_EQ(FaultOf("{a: " + list + "}", R"({"b": 1})").wanted, list);
  }
}

}  // namespace
}  // namespace turnout::router

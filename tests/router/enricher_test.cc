// What `enrich` makes of an event, case by case, through the Router.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/router.h"
#include "tests/support/rules_of.h"

namespace turnout::router {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Tables : public TableLookup {
 public:
  absl::StatusOr<bool> Find(size_t table, std::string_view key, std::string* value) const override {
    ++asked;
    if (!problem.ok()) return problem;
    const auto found = records.find(std::to_string(table) + "/" + std::string(key));
    if (found == records.end()) return false;
    *value = found->second;
    return true;
  }
  std::map<std::string, std::string> records;  // "table's number/key" to JSON
  absl::Status problem;
  mutable int asked = 0;
};

class EnricherTest : public ::testing::Test {
 protected:
  // One rule `r` to topic `out`, of this further text.
  void Use(const std::string& rule) {
    rules_ = support::RuleSetOf({"team: t\ndestinations: [out]\nrules:\n"
                                 "  - {name: r, match: {type: [x]}, to: out, " + rule + "}\n"});
    router_ = std::make_unique<Router>(rules_, &tables_);
  }
  std::string ValueOf(std::string_view event) {
    event_ = event;
    routes_ = &router_->Route({.value = event_});
    if (routes_->outputs.size() == 1) return std::string(routes_->outputs[0].value);
    return routes_->rejections.empty() ? "" : std::string(routes_->rejections[0].reason);
  }

  Tables tables_;
  std::shared_ptr<const RuleSet> rules_;
  std::unique_ptr<Router> router_;
  std::string event_;
  const Routes* routes_ = nullptr;
};

TEST_F(EnricherTest, TheTablesJsonIsPutInAsItStands) {
  tables_.records["0/m-1"] = R"({"name":  "A", "n": 1.50})";
  Use("enrich: [{table: merchants, key: merchant.id, into: info}]");
  EXPECT_THAT(rules_->tables(), ElementsAre("merchants"));
  EXPECT_EQ(ValueOf(R"({"type": "x",  "merchant": {"id": "m-1"}})"),
            R"({"type":"x","merchant":{"id": "m-1"},"info":{"name":  "A", "n": 1.50}})");
}

TEST_F(EnricherTest, WhatIsInThePlaceIsReplacedAndObjectsOnTheWayAreMade) {
  tables_.records["0/1"] = "[1]";
  Use("enrich: [{table: m, key: id, into: a.b.c}]");
  EXPECT_EQ(ValueOf(R"({"type":"x","id":1})"), R"({"type":"x","id":1,"a":{"b":{"c":[1]}}})");
  EXPECT_EQ(ValueOf(R"({"type":"x","id":1,"a":{"b":{"c":{"old":2},"d":3}}})"),
            R"({"type":"x","id":1,"a":{"b":{"d":3,"c":[1]}}})");
  EXPECT_EQ(ValueOf(R"({"type":"x","id":1,"a":7})"), R"({"type":"x","id":1,"a":{"b":{"c":[1]}}})");
}

TEST_F(EnricherTest, TheFieldThatHoldsTheKeyMayBeReplacedItself) {
  tables_.records["0/m-1"] = R"({"name":"A"})";
  Use("enrich: [{table: m, key: merchant.id, into: merchant}], key: merchant.id");
  EXPECT_EQ(ValueOf(R"({"type":"x","merchant":{"id":"m-1"}})"),
            R"({"type":"x","merchant":{"name":"A"}})");
  EXPECT_EQ(routes_->outputs[0].key, "m-1") << "the record key is the event's own";
}

TEST_F(EnricherTest, ShapeSeesWhatWasPutIn) {
  tables_.records["0/1"] = R"({"name":"A","secret":"s"})";
  Use("enrich: [{table: m, key: id, into: m}], "
      "shape: {keep: [type, m.name], set: {n: \"{m.name}!\"}}");
  EXPECT_EQ(ValueOf(R"({"type":"x","id":1})"), R"({"type":"x","m":{"name":"A"},"n":"A!"})");
}

TEST_F(EnricherTest, AMissingKeyIsNullByDefaultWhateverIsMissing) {
  Use("enrich: [{table: m, key: id, into: m}]");
  EXPECT_EQ(ValueOf(R"({"type":"x","id":1})"), R"({"type":"x","id":1,"m":null})");
  EXPECT_EQ(ValueOf(R"({"type":"x","id":null})"), R"({"type":"x","id":null,"m":null})");
  EXPECT_EQ(ValueOf(R"({"type":"x","id":{"a":1}})"), R"({"type":"x","id":{"a":1},"m":null})");
  EXPECT_EQ(ValueOf(R"({"type":"x","m":5})"), R"({"type":"x","m":null})");
}

TEST_F(EnricherTest, AMissingKeyDropsTheMatchWhereTheRuleSaysSo) {
  Use("enrich: [{table: m, key: id, into: m, missing: drop}]");
  EXPECT_EQ(ValueOf(R"({"type":"x","id":1})"), "");
  EXPECT_THAT(routes_->rejections, IsEmpty());
  ASSERT_THAT(routes_->stopped, SizeIs(1));
  EXPECT_EQ(StepName(routes_->stopped[0].step), "enrich");
}

TEST_F(EnricherTest, AMissingKeyParksTheEventWhereTheRuleSaysSo) {
  Use("enrich: [{table: merchants, key: id, into: m, missing: park}]");
  EXPECT_EQ(ValueOf(R"({"type":"x","id":"m-9"})"),
            "table `merchants` has no key `m-9`, which field `id` asks for");
  ASSERT_THAT(routes_->rejections, SizeIs(1));
  EXPECT_TRUE(routes_->rejections[0].park);
  EXPECT_EQ(ValueOf(R"({"type":"x"})"),
            "field `id`, the key into table `merchants`, is absent, null or not a scalar");
  EXPECT_TRUE(routes_->rejections[0].park);
}

TEST_F(EnricherTest, ATableThatCantBeAskedParksWhateverThePolicy) {
  Use("enrich: [{table: merchants, key: id, into: m, missing: drop}]");
  tables_.problem = absl::UnavailableError("it is not loaded");
  EXPECT_EQ(ValueOf(R"({"type":"x","id":1})"),
            "table `merchants` can't be asked: it is not loaded");
  EXPECT_TRUE(routes_->rejections[0].park);
  Router alone(rules_);
  ASSERT_THAT(alone.Route({.value = event_}).rejections, SizeIs(1));
}

TEST_F(EnricherTest, RulesThatEnrichAlikeAskOnceAndShareAnOutput) {
  tables_.records["0/1"] = "true";
  rules_ = support::RuleSetOf({R"(
team: t
destinations: [out]
rules:
  - {name: a, match: {type: [x]}, to: out, enrich: [{table: m, key: id, into: m}]}
  - {name: b, match: {type: [x]}, to: out, enrich: [{table: m, key: id, into: m}]}
  - {name: c, match: {type: [x]}, to: out, enrich: [{table: m, key: id, into: n}]}
  - {name: d, match: {type: [x]}, to: out}
)"});
  router_ = std::make_unique<Router>(rules_, &tables_);
  event_ = R"({"type":"x","id":1})";
  const Routes& routes = router_->Route({.value = event_});
  EXPECT_THAT(routes.outputs, SizeIs(3));
  EXPECT_EQ(tables_.asked, 2);
}

TEST_F(EnricherTest, AnEventThatCantBeReadIsNotParked) {
  rules_ = support::RuleSetOf({R"(
team: t
destinations: [out]
rules:
  - {name: r, match: {$kafka: {key: [k]}}, to: out, enrich: [{table: m, key: id, into: m}]}
)"});
  router_ = std::make_unique<Router>(rules_, &tables_);
  const Routes& routes = router_->Route({.value = "{", .key = "k"});
  ASSERT_THAT(routes.rejections, SizeIs(1));
  EXPECT_FALSE(routes.rejections[0].park);
  EXPECT_THAT(std::string(routes.rejections[0].reason), HasSubstr("`enrich` needs the payload"));
}

TEST(EnrichReader, ATableThatThePipelineDoesNotHaveIsRefusedWhereTablesAreKnown) {
  const std::string text =
      "team: t\ndestinations: [t]\nrules:\n"
      "  - {name: r, match: {a: [1]}, to: t, enrich: [{table: merchant, key: a, into: b}]}\n";
  std::vector<Problem> problems;
  RuleLimits limits;
  EXPECT_TRUE(ReadRuleFile("t.yaml", text, limits, &problems).has_value());
  limits.enrich.tables_known = true;
  limits.enrich.tables = {"merchants", "users"};
  EXPECT_FALSE(ReadRuleFile("t.yaml", text, limits, &problems).has_value());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].what, "this pipeline has no table `merchant`");
  EXPECT_EQ(problems[0].cure, "did you mean `merchants`? Known: merchants, users");
  problems.clear();
  limits.enrich.tables.clear();
  EXPECT_FALSE(ReadRuleFile("t.yaml", text, limits, &problems).has_value());
  EXPECT_THAT(problems[0].cure, HasSubstr("`tables`"));
}

TEST(EnrichReader, WhatARuleIsEnrichedByIsPartOfItsHash) {
  const auto hash = [](const std::string& enrich) {
    return support::TeamOf("team: t\ndestinations: [t]\nrules:\n"
                           "  - {name: r, match: {a: [1]}, to: t" + enrich + "}\n")->content_hash;
  };
  const std::string one = ", enrich: [{table: m, key: a, into: b}]";
  EXPECT_EQ(hash(one), hash(", enrich: [{into: b, key: a, table: m, missing: null}]"));
  EXPECT_NE(hash(one), hash(""));
  EXPECT_NE(hash(one), hash(", enrich: [{table: n, key: a, into: b}]"));
  EXPECT_NE(hash(one), hash(", enrich: [{table: m, key: a, into: b, missing: drop}]"));
}

}  // namespace
}  // namespace turnout::router

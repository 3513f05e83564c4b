#include "runtime/explain_command.h"

#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/router.h"
#include "state/state_resources.h"
#include "state/task_store.h"
#include "tests/support/rules_of.h"
#include "tests/support/temp_directory.h"
#include "tests/support/temp_stream.h"

namespace turnout::runtime {
namespace {

using support::TempDirectory;
using support::TempStream;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr char kRules[] = R"(
team: shop
destinations: [shop.*]
rules:
  - name: abroad
    match:
      type: [order.created]
      order:
        total: [{ numeric: [">=", 500] }]
        country: [{ anything-but: [DE, FR] }]
    to: shop.abroad.{region}
    key: id
  - name: once
    match: { type: [order.created] }
    steps: [{ dedup: { key: id, for: 1h } }]
    to: shop.once
)";

struct Answer {
  int status = 0;
  std::string out;
  std::string err;
};

class ExplainCommandTest : public ::testing::Test {
 protected:
  void SetUp() override { options_.rules = directory_.Write("shop.yaml", kRules); }

  Answer Explain(std::string_view input) {
    const TempStream in(input);
    const TempStream out;
    const TempStream err;
    if (options_.events.empty()) options_.events = "-";
    const int status = RunExplain(options_, {in.get(), out.get(), err.get()});
    return {status, out.text(), err.text()};
  }

  TempDirectory directory_;
  ExplainCommandOptions options_;
};

TEST_F(ExplainCommandTest, TellsInWordsWhatMatchedWhatFailedAndWhereItWent) {
  const Answer answer = Explain(R"({"type": "order.created", "region": "emea", "id": "c-1",)"
                                R"( "order": {"total": 720, "country": "DE"}})"
                                "\n");
  EXPECT_EQ(answer.status, 0) << answer.err;
  EXPECT_THAT(answer.out, MatchesRegex(R"(event: 1 of 2 rules match \(rule set [0-9a-f]{16}\)
note: no state is at hand: .*
shop/once matches
    step 1, dedup by id = "c-1": passes \(it remembers none of this key\)
    -> shop.once
shop/abroad does not match
    order\.country: wanted \[\{"anything-but": \["DE", "FR"\]\}\], saw "DE"
record for shop\.once, of shop/once
    key null
    value .*
    header turnout-rules: "shop/once"
    header turnout-rule-set: "[0-9a-f]{16}"
)"));
}

TEST_F(ExplainCommandTest, StepsAreAskedWithTheStateThatIsNamed) {
  const std::string store = directory_.path() + "/store";
  state::StateResources resources{state::StateLimits{}};
  {
    auto state = state::TaskStore::Create(store, &resources, 0);
    ASSERT_TRUE(state.ok()) << state.status();
    router::TaskSteps steps(state->get());
    router::Router router(router::RuleSet::Build(
        {support::TeamOf(kRules)}, {.partitioned_by = std::string(router::kOnePartition)}));
    router.Route({.value = R"({"type": "order.created", "id": "c-1"})", .timestamp_ms = 60'000},
                 &steps);
    ASSERT_TRUE(steps.Commit(18, "rules").ok());
    ASSERT_TRUE((*state)->Flush().ok());
  }
  options_.state = store;
  options_.records = true;
  const Answer answer =
      Explain(R"({"value": {"type": "order.created", "id": "c-1"}, "timestamp": 61000})");
  EXPECT_EQ(answer.status, 0) << answer.err;
  EXPECT_THAT(answer.out, HasSubstr("note: steps say what they would if the event came next, "
                                    "after offset 17,"));
  EXPECT_THAT(answer.out, HasSubstr("step 1, dedup by id = \"c-1\": is stopped (the key last "
                                    "passed at 1970-01-01T00:01:00.000Z, passes again at "
                                    "1970-01-01T01:01:00.000Z)"));
  options_.state = directory_.path() + "/none";
  EXPECT_EQ(Explain("{}").status, 2);
}

TEST_F(ExplainCommandTest, AnOutputIsShownWithItsKeyAndHeaders) {
  options_.rule = "shop/abroad";
  options_.records = true;
  const Answer answer =
      Explain(R"({"value": {"type": "order.created", "region": "emea", "id": "c-1",)"
              R"( "order": {"total": 720, "country": "NL"}}, "headers": {"trace": "x"}})");
  EXPECT_EQ(answer.status, 0) << answer.err;
  EXPECT_THAT(answer.out, HasSubstr("shop/abroad matches\n    -> shop.abroad.emea\n"));
  EXPECT_THAT(answer.out, HasSubstr("record for shop.abroad.emea, of shop/abroad\n"
                                    "    key \"c-1\"\n    value \"{"));
  EXPECT_THAT(answer.out, HasSubstr("    header trace: \"x\"\n"
                                    "    header turnout-rules: \"shop/abroad\"\n"
                                    "    header turnout-rule-set: "));
  EXPECT_THAT(answer.out, Not(HasSubstr("shop/once")));
}

TEST_F(ExplainCommandTest, OfACloudEventInBinaryModeTheHeadersAreTold) {
  options_.records = true;
  options_.rules = directory_.Write("cloud.yaml", R"(
team: shop
destinations: [shop.*]
rules:
  - { name: paid, match: { type: [paid], data: { total: [1] } }, to: shop.paid }
  - { name: short, match: { data: { total: [1] } }, shape: { keep: [id] }, to: shop.short }
)");
  const char* const record =
      R"({"value": {"total": 1}, "headers": {"ce_specversion": "1.0", "ce_type": "open",)"
      R"( "trace": "x", "ce_id": "e", "content-type": "application/json"}})";
  EXPECT_THAT(Explain(record).out,
              HasSubstr("a CloudEvent in binary mode, and `source.cloud_events` is not set: "
                        "ce_specversion, ce_type, ce_id, content-type are headers and no more\n"));
  options_.config_path = directory_.Write(
      "pipeline.yaml", "brokers: b:1\nsource: {topic: t, cloud_events: true}\nrules: r\n");
  const Answer answer = Explain(record);
  EXPECT_EQ(answer.status, 0) << answer.err;
  EXPECT_THAT(answer.out,
              HasSubstr("a CloudEvent in binary mode: its attributes are ce_specversion, "
                        "ce_type, ce_id, content-type; its data is json\n"));
  EXPECT_THAT(answer.out,
              HasSubstr("shop/paid does not match\n"
                        "    type (header ce_type): wanted [\"paid\"], saw \"open\"\n"));
  EXPECT_THAT(answer.out, HasSubstr("    value \"{\\\"id\\\":\\\"e\\\"}\"\n"
                                    "    header trace: \"x\"\n"
                                    "    header content-type: \"application/json\"\n"
                                    "    header turnout-rules"));
  options_.json = true;
  EXPECT_THAT(
      Explain(record).out,
      HasSubstr(R"("cloud_event":{"mode":"binary","read":true,"data":"json",)"
                R"("attribute_headers":["ce_specversion","ce_type","ce_id","content-type"]})"));
}

TEST_F(ExplainCommandTest, WhatARolloutKeepsBackIsSaidToBe) {
  options_.rules = directory_.Write("dark.yaml", R"(
team: shop
destinations: [shop.*]
rules:
  - { name: dark, match: { a: [1] }, to: [shop.dark, "shop.{region}"], rollout: { mode: shadow } }
  - { name: none, match: { a: [1] }, to: shop.none, rollout: { percent: 0 } }
)");
  EXPECT_THAT(Explain("{\"a\": 1}").out, HasSubstr(R"(shop/dark matches, in shadow
    -> dead letter, were it not in shadow: field `region`, which destination `shop.{region}` )"
                                                   R"(needs, is absent, empty, null or not a scalar
    -> shop.dark, were it not in shadow
shop/none matches, rolled out to 0 % of keys
    -> held back: the record's key is not one of them
record in shadow for shop.dark, of shop/dark
    key null
    value "{\"a\": 1}"
)"));
  options_.json = true;
  const auto rules = nlohmann::json::parse(Explain("{\"a\": 1}").out)["rules"];
  EXPECT_EQ(rules[0]["rollout"]["mode"], "shadow");
  EXPECT_EQ(rules[0]["rollout"]["shadowed"][0]["destination"], "shop.dark");
  EXPECT_EQ(rules[1]["rollout"].dump(),
            R"({"held_back":true,"mode":"live","percent":0,"shadowed":[]})");
}

TEST_F(ExplainCommandTest, JsonIsAnObjectALine) {
  options_.json = true;
  const Answer answer = Explain("{\"type\": \"order.created\"}\n\n{\"type\": [1, null, \"x\"]}\n");
  EXPECT_EQ(answer.status, 0) << answer.err;
  const size_t end = answer.out.find('\n');
  const auto first = nlohmann::json::parse(answer.out.substr(0, end));
  EXPECT_EQ(first["rules_judged"], 2);
  EXPECT_EQ(first["state"], "not_at_hand");
  EXPECT_EQ(first["rules"][0]["rule"], "shop/once");
  EXPECT_EQ(first["rules"][0]["steps"][0]["verdict"], "rejects");
  EXPECT_THAT(std::string(first["rules"][0]["rejected"][0]["reason"]), HasSubstr("field `id`"));
  EXPECT_EQ(first["rules"][1]["failed"]["why"], "absent");
  EXPECT_EQ(first["rules"][1]["failed"]["field"], "order.total");
  EXPECT_EQ(first["rules"][1]["failed"]["wanted"].dump(), R"([{"numeric":[">=",500]}])");
  const auto second = nlohmann::json::parse(answer.out.substr(end));
  EXPECT_EQ(second["rules"][0]["failed"]["why"], "value");
  EXPECT_EQ(second["rules"][0]["failed"]["seen"].dump(), R"([1,null,"x"])");
  EXPECT_EQ(second["rules"][0]["failed"]["fields_failed"], 3);
}

TEST_F(ExplainCommandTest, AnEventThatIsNoJsonIsSaidToBe) {
  const Answer answer = Explain("no\n");
  EXPECT_EQ(answer.status, 0);
  EXPECT_THAT(answer.out, HasSubstr("the event is not valid JSON at byte 0"));
  EXPECT_THAT(answer.out, HasSubstr("shop/abroad does not match\n    the payload can't be read\n"));
}

TEST_F(ExplainCommandTest, WhatIsWrongIsToldOnStandardErrorWithStatus2) {
  options_.rule = "shop/none";
  Answer answer = Explain("{}");
  EXPECT_EQ(answer.status, 2);
  EXPECT_THAT(answer.err, HasSubstr("--rule shop/none: there is no such rule"));
  options_.rule.clear();
  options_.records = true;
  answer = Explain("{\"value\": {}}\n{\"key\": 1}\n");
  EXPECT_EQ(answer.status, 2);
  EXPECT_THAT(answer.err, HasSubstr("line 2: `key`: write a text, or null"));
  options_.rules = directory_.Write("bad.yaml", "team: x\n");
  answer = Explain("{}");
  EXPECT_EQ(answer.status, 2);
  EXPECT_THAT(answer.err, HasSubstr("bad.yaml"));
}

TEST_F(ExplainCommandTest, AValueThatIsSetComesBeforeTheConfigs) {
  options_.config_path = directory_.Write(
      "pipeline.yaml", "brokers: 127.0.0.1:1\nsource: {topic: orders}\nrules: /nowhere\n");
  options_.overrides = {"rules=" + options_.rules};
  options_.rules.clear();
  const Answer answer = Explain(R"({"type": "order.created", "id": "c-1"})");
  EXPECT_EQ(answer.status, 0) << answer.err;
  EXPECT_THAT(answer.out, HasSubstr("shop/once matches"));
}

TEST_F(ExplainCommandTest, APlaceThatCannotBeReadIsToldBeforeABrokerIsAsked) {
  options_.config_path = directory_.Write(
      "pipeline.yaml", "brokers: 127.0.0.1:1\nsource: {topic: orders}\nrules: shop.yaml\n");
  options_.at = "x";
  EXPECT_THAT(Explain("").err, HasSubstr("--at x: write PARTITION:OFFSET of the source"));
  options_.at.clear();
  options_.output = "0:1";
  EXPECT_THAT(Explain("").err, HasSubstr("--output 0:1: write TOPIC:PARTITION:OFFSET"));
}

}  // namespace
}  // namespace turnout::runtime

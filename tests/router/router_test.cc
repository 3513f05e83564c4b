#include "router/router.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/sample.h"
#include "tests/support/rules_of.h"

namespace turnout::router {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::unique_ptr<Router> RouterOf(const std::vector<std::string_view>& texts) {
  return std::make_unique<Router>(support::RuleSetOf(texts));
}

// "topic <- team/rule,team/rule [key]", the key shown as `null` when there is none.
std::vector<std::string> Shown(const Routes& routes) {
  std::vector<std::string> lines;
  for (const Output& output : routes.outputs) {
    lines.push_back(
        absl::StrFormat("%s <- %s [%s]", output.destination, output.rule_ids,
                        output.key.data() == nullptr ? std::string_view("null") : output.key));
  }
  return lines;
}

// "team/rule: reason".
std::vector<std::string> ShownRejections(const Router& router, const Routes& routes) {
  std::vector<std::string> lines;
  for (const Rejection& rejection : routes.rejections) {
    lines.push_back(
        absl::StrFormat("%s: %s", router.rules().rules()[rejection.rule].id, rejection.reason));
  }
  return lines;
}

constexpr std::string_view kTeam = R"(
team: t
destinations: [t.*]
rules:
  - {name: all, match: {type: [{exists: true}]}, to: [t.all, t.more]}
  - {name: again, match: {type: [x]}, to: t.all}
  - {name: keyed, match: {type: [x]}, to: t.all, key: id}
  - {name: by-region, match: {type: [r]}, to: "t.by.{region}"}
)";

TEST(Router, EventGoesToATopicOnceNamingEveryRuleOfTheTeam) {
  const auto router = RouterOf({kTeam});
  const Routes& routes = router->Route({.value = R"({"type": "x", "id": 7})", .key = "k"});
  EXPECT_TRUE(routes.payload_error.ok());
  EXPECT_THAT(Shown(routes), UnorderedElementsAre("t.all <- t/again,t/all [k]",
                                                  "t.more <- t/all [k]", "t.all <- t/keyed [7]"));
  EXPECT_THAT(routes.matched, SizeIs(3));
  EXPECT_THAT(routes.rejections, IsEmpty());
  for (const Output& output : routes.outputs) {
    std::string ids;
    for (const RuleIndex rule : output.rules) {
      if (!ids.empty()) ids += ",";
      ids += router->rules().rules()[rule].id;
    }
    EXPECT_EQ(ids, output.rule_ids);
  }
}

TEST(Router, OutputsAreJoinedWhereKeysAreEqualByValue) {
  const auto router = RouterOf({kTeam});
  const Routes& routes = router->Route({.value = R"({"type": "x", "id": "k"})", .key = "k"});
  EXPECT_THAT(Shown(routes),
              UnorderedElementsAre("t.all <- t/again,t/all,t/keyed [k]", "t.more <- t/all [k]"));
}

TEST(Router, NoKeyIsNotAnEmptyKey) {
  const auto router = RouterOf({kTeam});
  const Routes& routes = router->Route({.value = R"({"type": "x", "id": ""})"});
  EXPECT_THAT(Shown(routes), UnorderedElementsAre("t.all <- t/again,t/all [null]",
                                                  "t.more <- t/all [null]", "t.all <- t/keyed []"));
}

TEST(Router, TeamsThatShareATopicEachSendTheirOwn) {
  const auto router =
      RouterOf({"team: a\ndestinations: [s]\nrules:\n"
                "  - {name: r, match: {x: [1]}, to: s}\n",
                "team: b\ndestinations: [s]\nrules:\n"
                "  - {name: r, match: {x: [1]}, to: s}\n"});
  const Routes& routes = router->Route({.value = R"({"x": 1.0})"});
  EXPECT_THAT(Shown(routes), ElementsAre("s <- a/r [null]", "s <- b/r [null]"));
}

TEST(Router, NothingMatchedIsNothingSent) {
  const auto router = RouterOf({kTeam});
  const Routes& routes = router->Route({.value = R"({"other": "x"})"});
  EXPECT_TRUE(routes.payload_error.ok());
  EXPECT_THAT(routes.matched, IsEmpty());
  EXPECT_THAT(routes.outputs, IsEmpty());
}

TEST(Router, TemplateTakesTheFieldsValue) {
  const auto router = RouterOf({kTeam});
  const auto routed = [&](std::string_view region) {
    return Shown(
        router->Route({.value = absl::StrFormat(R"({"region": %s, "type": "r"})", region)}));
  };
  const std::string all = "t.all <- t/all [null]";
  const std::string more = "t.more <- t/all [null]";
  EXPECT_THAT(routed(R"("eu-west")"),
              UnorderedElementsAre(all, more, "t.by.eu-west <- t/by-region [null]"));
  EXPECT_THAT(routed(R"("\u0065u")"),
              UnorderedElementsAre(all, more, "t.by.eu <- t/by-region [null]"));
  EXPECT_THAT(routed("12"), UnorderedElementsAre(all, more, "t.by.12 <- t/by-region [null]"));
  EXPECT_THAT(routed("true"), UnorderedElementsAre(all, more, "t.by.true <- t/by-region [null]"));
}

TEST(Router, DestinationsThatComeToTheSameTopicAreOne) {
  const auto router = RouterOf({R"(
team: t
destinations: [t.*]
rules:
  - {name: a, match: {type: [x]}, to: ["t.{a}", "t.{b}", t.same]}
  - {name: b, match: {type: [x]}, to: "t.{a}{b}"}
)"});
  EXPECT_THAT(Shown(router->Route({.value = R"({"type": "x", "a": "same", "b": "same"})"})),
              UnorderedElementsAre("t.same <- t/a [null]", "t.samesame <- t/b [null]"));
}

TEST(Router, MatchThatCannotBeRoutedIsRejectedWithItsReason) {
  const auto router = RouterOf({R"(
team: t
destinations: [t.*, u.one]
rules:
  - {name: key, match: {type: [k]}, to: [t.a, t.b], key: customer.id}
  - {name: topic, match: {type: [r]}, to: ["t.{region}", t.sure]}
  - {name: free, match: {type: [f]}, to: "{topic}"}
)"});
  const std::string long_name(250, 'x');
  struct Case {
    std::string event;
    std::vector<std::string> sent;
    std::vector<std::string> rejected;
  };
  const std::string no_region =
      "t/topic: field `region`, which destination `t.{region}` needs, is absent, empty, null or "
      "not a scalar";
  const std::string no_key =
      "t/key: field `customer.id`, which the record key needs, is absent, null or not a scalar";
  const std::string sure = "t.sure <- t/topic [null]";
  const std::vector<Case> cases = {
      {R"({"type": "k"})", {}, {no_key}},
      {R"({"type": "k", "customer": {"id": null}})", {}, {no_key}},
      {R"({"type": "k", "customer": {"id": {}}})", {}, {no_key}},
      {R"({"type": "k", "customer": {"id": 5}})", {"t.a <- t/key [5]", "t.b <- t/key [5]"}, {}},
      {R"({"type": "r"})", {sure}, {no_region}},
      {R"({"type": "r", "region": null})", {sure}, {no_region}},
      {R"({"type": "r", "region": ""})", {sure}, {no_region}},
      {R"({"type": "r", "region": {"a": 1}})", {sure}, {no_region}},
      {R"({"type": "r", "region": "a b"})",
       {sure},
       {"t/topic: destination `t.{region}` came out as `t.a b`, which has a character that topic "
        "names can't have"}},
      {R"({"type": "r", "region": ")" + long_name + R"("})",
       {sure},
       {"t/topic: destination `t.{region}` came out longer than the 249 bytes of a topic name"}},
      {R"({"type": "f", "topic": "t.x"})", {"t.x <- t/free [null]"}, {}},
      {R"({"type": "f", "topic": "u.one"})", {"u.one <- t/free [null]"}, {}},
      {R"({"type": "f", "topic": "u.two"})",
       {},
       {"t/free: destination `{topic}` came out as `u.two`, which is not among the team's "
        "`destinations`"}},
      {R"({"type": "f", "topic": ".."})",
       {},
       {"t/free: destination `{topic}` came out as `..`, which is `.` or `..`, which Kafka "
        "refuses"}},
  };
  for (const Case& c : cases) {
    const Routes& routes = router->Route({.value = c.event});
    EXPECT_TRUE(routes.payload_error.ok()) << c.event;
    EXPECT_EQ(Shown(routes), c.sent) << c.event;
    EXPECT_EQ(ShownRejections(*router, routes), c.rejected) << c.event;
  }
}

TEST(Router, EveryRuleOfARejectedTargetIsRejected) {
  const auto router = RouterOf({R"(
team: t
destinations: [t.*]
rules:
  - {name: a, match: {type: [x]}, to: "t.{region}"}
  - {name: b, match: {type: [x]}, to: "t.{region}"}
)"});
  const Routes& routes = router->Route({.value = R"({"type": "x"})"});
  EXPECT_THAT(ShownRejections(*router, routes),
              ElementsAre(HasSubstr("t/a: field `region`"), HasSubstr("t/b: field `region`")));
}

constexpr std::string_view kHeaderTeam = R"(
team: h
destinations: [h.*]
rules:
  - {name: header, match: {$kafka: {headers: {ce_type: [x]}}}, to: h.header}
  - {name: header-keyed, match: {$kafka: {headers: {ce_type: [x]}}}, to: h.keyed, key: id}
  - {name: topic, match: {$kafka: {topic: [{prefix: "in."}]}}, to: h.topic}
  - {name: payload, match: {type: [x]}, to: h.payload}
)";

TEST(Router, RulesOverTheRecordAreRoutedThoughThePayloadCannotBeRead) {
  const auto router = RouterOf({kHeaderTeam});
  const std::vector<Header> headers = {{"ce_type", "x"}};
  const Event event{.value = "not json", .key = "k", .topic = "in.a", .headers = headers};
  const Routes& routes = router->Route(event);
  EXPECT_EQ(routes.payload_error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Shown(routes),
              UnorderedElementsAre("h.header <- h/header [k]", "h.topic <- h/topic [k]"));
  EXPECT_THAT(ShownRejections(*router, routes),
              ElementsAre("h/header-keyed: field `id`, which the record key needs, is not known, "
                          "since the payload could not be read"));
}

TEST(Router, ATombstoneIsAPayloadThatCannotBeRead) {
  const auto router = RouterOf({kHeaderTeam});
  EXPECT_FALSE(router->Route({}).payload_error.ok());
  EXPECT_FALSE(router->Route({.value = ""}).payload_error.ok());
  EXPECT_TRUE(router->Route({.value = "{}"}).payload_error.ok());
}

TEST(Router, RulesOverTheRecordAloneNeverReadThePayload) {
  const auto router = RouterOf({R"(
team: h
destinations: [h.*]
rules:
  - {name: header, match: {$kafka: {headers: {ce_type: [x]}}}, to: h.header}
)"});
  const std::vector<Header> headers = {{"ce_type", "x"}};
  const Routes& routes = router->Route({.value = "\xff\xfe not json", .headers = headers});
  EXPECT_TRUE(routes.payload_error.ok());
  EXPECT_THAT(Shown(routes), ElementsAre("h.header <- h/header [null]"));
}

TEST(Router, AnswersDoNotLeakIntoTheNextEvent) {
  const auto router = RouterOf({kTeam});
  EXPECT_THAT(router->Route({.value = R"({"type": "r"})"}).rejections, SizeIs(1));
  EXPECT_FALSE(router->Route({.value = "["}).payload_error.ok());
  const Routes& routes = router->Route({.value = R"({"type": "r", "region": "eu"})"});
  EXPECT_TRUE(routes.payload_error.ok());
  EXPECT_THAT(routes.rejections, IsEmpty());
  EXPECT_THAT(routes.outputs, SizeIs(3));
}

// "topic <- rules: value".
std::vector<std::string> ShownValues(const Routes& routes) {
  std::vector<std::string> lines;
  for (const Output& output : routes.outputs) {
    lines.push_back(
        absl::StrFormat("%s <- %s: %s", output.destination, output.rule_ids, output.value));
  }
  return lines;
}

TEST(Router, AnOutputWithoutAShapeIsTheEventsOwnBytes) {
  const auto router = RouterOf({kTeam});
  const std::string event = R"( {"type": "x", "id": 7} )";
  const Routes& routes = router->Route({.value = event});
  ASSERT_THAT(routes.outputs, SizeIs(3));
  for (const Output& output : routes.outputs) EXPECT_EQ(output.value.data(), event.data());
}

TEST(Router, RulesOfATeamShareAnOutputWhereItsBytesAreTheSame) {
  const auto router = RouterOf({R"(
team: t
destinations: [t]
rules:
  - {name: a, match: {type: [x]}, shape: {keep: [type]}, to: t}
  - {name: b, match: {type: [x]}, shape: {drop: [id]}, to: t}
  - {name: c, match: {type: [x]}, shape: {drop: [none]}, to: t}
  - {name: d, match: {type: [x]}, to: t}
  - {name: e, match: {type: [x]}, shape: {drop: [id]}, to: t, key: type}
)"});
  EXPECT_THAT(ShownValues(router->Route({.value = R"({"type":"x","id":7})"})),
              ElementsAre(R"(t <- t/a,t/b: {"type":"x"})", R"(t <- t/c,t/d: {"type":"x","id":7})",
                          R"(t <- t/e: {"type":"x"})"));
  // What they have in common depends on the event.
  EXPECT_THAT(ShownValues(router->Route({.value = R"({"type":"x","n":1})"})),
              ElementsAre(R"(t <- t/a: {"type":"x"})", R"(t <- t/b,t/c,t/d: {"type":"x","n":1})",
                          R"(t <- t/e: {"type":"x","n":1})"));
}

TEST(Router, KeysAndDestinationsAreOfTheEventNotOfItsShape) {
  const auto router = RouterOf({R"(
team: t
destinations: [t.*]
rules:
  - {name: a, match: {type: [x]}, shape: {keep: [n]}, to: "t.{region}", key: id}
)"});
  const Routes& routes =
      router->Route({.value = R"({"type": "x", "region": "eu", "id": 7, "n": 1})"});
  EXPECT_THAT(Shown(routes), ElementsAre("t.eu <- t/a [7]"));
  EXPECT_THAT(ShownValues(routes), ElementsAre(R"(t.eu <- t/a: {"n":1})"));
}

TEST(Router, AShapeThatLacksAFieldRejectsItsRuleAlone) {
  const auto router = RouterOf({R"(
team: t
destinations: [t]
rules:
  - {name: a, match: {type: [x]}, shape: {set: {l: "{region}"}}, to: [t]}
  - {name: b, match: {type: [x]}, to: t}
)"});
  const Routes& routes = router->Route({.value = R"({"type": "x"})"});
  EXPECT_THAT(Shown(routes), ElementsAre("t <- t/b [null]"));
  EXPECT_THAT(ShownRejections(*router, routes),
              ElementsAre("t/a: field `region`, which `l` of the shape needs, is absent, null or "
                          "not a scalar"));
}

TEST(Router, AShapeReadsThePayloadThatNoPatternReads) {
  const auto router = RouterOf({R"(
team: h
destinations: [h.*]
rules:
  - {name: plain, match: {$kafka: {headers: {ce_type: [x]}}}, to: h.plain}
  - {name: shaped, match: {$kafka: {headers: {ce_type: [x]}}}, shape: {drop: [a]}, to: h.shaped}
)"});
  const std::vector<Header> headers = {{"ce_type", "x"}};
  EXPECT_THAT(
      ShownValues(router->Route({.value = R"({"a":1,"b":2})", .headers = headers})),
      ElementsAre(R"(h.plain <- h/plain: {"a":1,"b":2})", R"(h.shaped <- h/shaped: {"b":2})"));
  struct Case {
    Event event;
    std::string why;
  };
  for (const Case& c : {Case{{.value = "text", .headers = headers},
                             "the event is not valid JSON at byte 0: an event must be a JSON "
                             "object"},
                        Case{{.headers = headers},
                             "the event is not valid JSON at byte 0: the payload is empty"}}) {
    const Routes& routes = router->Route(c.event);
    EXPECT_TRUE(routes.payload_error.ok());
    EXPECT_THAT(Shown(routes), ElementsAre("h.plain <- h/plain [null]"));
    const std::string shape = "h/shaped: the rule's `shape` needs the payload, ";
    EXPECT_THAT(ShownRejections(*router, routes),
                ElementsAre(shape + "which can't be read: " + c.why));
  }
}

TEST(Router, ASampleLetsTheEventsOfSomeKeysPass) {
  const auto router = RouterOf({R"(
team: t
destinations: [t.*]
rules:
  - {name: all, match: {type: [x]}, steps: [{sample: {key: id, percent: 100}}], to: t.all}
  - {name: half, match: {type: [x]}, steps: [{sample: {key: id, percent: 50}}], to: t.half}
  - {name: none, match: {type: [x]}, steps: [{sample: {key: id, percent: 0}}], to: t.none}
  - name: two
    match: {type: [x]}
    steps: [{sample: {key: id, percent: 50}}, {sample: {key: other, percent: 100}}]
    to: t.two
)"});
  int half = 0;
  for (int id = 0; id < 1000; ++id) {
    // As text and as number alike.
    const std::string written = id % 2 == 0 ? std::to_string(id) : absl::StrFormat("\"%d\"", id);
    const std::string event = absl::StrFormat(R"({"type": "x", "id": %s})", written);
    const Routes& routes = router->Route({.value = event});
    ASSERT_THAT(routes.matched, SizeIs(4));
    const bool passes = SampleBucket(std::to_string(id)) < 5000;
    half += passes ? 1 : 0;
    ASSERT_THAT(routes.outputs, SizeIs(passes ? 2 : 1));
    ASSERT_THAT(routes.stopped, SizeIs(passes ? 2 : 3));
    EXPECT_EQ(routes.stopped[0].step, StepKind::kSample);
    EXPECT_THAT(routes.rejections, IsEmpty());
  }
  EXPECT_GT(half, 400);
  EXPECT_LT(half, 600);
  // Without the key nothing passes.
  for (const std::string_view event : {R"({"type": "x"})", R"({"type": "x", "id": null})"}) {
    const Routes& routes = router->Route({.value = event});
    EXPECT_THAT(routes.outputs, IsEmpty());
    EXPECT_THAT(routes.stopped, SizeIs(4));
  }
}

TEST(Router, ManyOutputsAreEachSentOnce) {
  // More than the first size of every list and table, twice: fresh and warm.
  constexpr int kRuleCount = 1000;
  std::string text = "team: t\ndestinations: [t.*]\nrules:\n";
  for (int i = 0; i < kRuleCount; ++i) {
    text +=
        absl::StrFormat("  - {name: \"%04d\", match: {x: [1]}, to: [t.all, t.%d]}\n", i, i % 500);
  }
  const auto router = RouterOf({text});
  for (int round = 0; round < 2; ++round) {
    const Routes& routes = router->Route({.value = R"({"x": 1})"});
    ASSERT_THAT(routes.outputs, SizeIs(501));
    for (const Output& output : routes.outputs) {
      const size_t rules = output.destination == "t.all" ? kRuleCount : 2;
      EXPECT_THAT(output.rules, SizeIs(rules)) << output.destination;
      EXPECT_EQ(std::count(output.rule_ids.begin(), output.rule_ids.end(), ','), rules - 1);
      EXPECT_TRUE(std::is_sorted(output.rules.begin(), output.rules.end()));
    }
  }
}

TEST(Router, AnEmptyRuleSetRoutesNothing) {
  Router router(RuleSet::Build({}));
  const Routes& routes = router.Route({.value = R"({"x": 1})"});
  EXPECT_TRUE(routes.payload_error.ok());
  EXPECT_THAT(routes.outputs, IsEmpty());
}

}  // namespace
}  // namespace turnout::router

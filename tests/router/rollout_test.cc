// How much of what a rule comes to is sent, and that the rest leaves no trace but counts.
#include "router/rollout.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/router.h"
#include "tests/support/memory_state.h"
#include "tests/support/rules_of.h"
#include "tests/support/seeded_random.h"

namespace turnout::router {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr int64_t kStartMs = 1'795'640'400'000;

std::shared_ptr<const RuleSet> Rules(const std::string& text,
                                     const std::string& partitioned_by = "*") {
  return RuleSet::Build({support::TeamOf(text)},
                        {.partitioned_by = partitioned_by, .lateness_ms = 0});
}

// "topic [key] value".
std::string Line(std::string_view destination, std::string_view key, std::string_view value) {
  return absl::StrFormat("%s [%s] %s", destination, key.data() == nullptr ? "null" : key, value);
}

// A task of its own, and all that came of its events.
class Routed {
 public:
  explicit Routed(std::shared_ptr<const RuleSet> rules) : router_(std::move(rules)) {}

  const Routes& Route(const std::string& value, std::string_view key = {}, int64_t at_ms = 0) {
    const Routes& routes =
        router_.Route({.value = value, .key = key, .timestamp_ms = kStartMs + at_ms}, &steps_);
    EXPECT_TRUE(routes.state_error.ok()) << routes.state_error;
    Note(routes);
    return routes;
  }
  // In the partition where the next step has its key: here, of all of them.
  void GoOnWith(const Routes& routes, const std::string& value, std::string_view key,
                int64_t at_ms) {
    struct Sent {
      std::vector<state::StepId> steps;
      std::string rule_ids;
      bool is_shadow;
    };
    std::vector<Sent> sent;
    for (const Rekeyed& one : routes.rekeyed) {
      sent.push_back(
          {{one.steps.begin(), one.steps.end()}, std::string(one.rule_ids), one.is_shadow});
    }
    for (const Sent& one : sent) {
      Note(router_.Continue({.value = value, .key = key, .timestamp_ms = kStartMs + at_ms},
                            one.steps, one.rule_ids, one.is_shadow, &there_steps_));
    }
  }

  std::vector<std::string> outputs;
  std::vector<std::string> shadowed;
  std::vector<std::string> rejections;
  std::vector<std::string> shadow_rejections;
  size_t held_back = 0;

  const support::MemoryState& state() const { return state_; }
  const Router& router() const { return router_; }

 private:
  void Note(const Routes& routes) {
    for (const Output& output : routes.outputs) {
      EXPECT_THAT(output.rules, Not(IsEmpty()));
      outputs.push_back(absl::StrCat(Line(output.destination, output.key, output.value), " <- ",
                                     std::string(output.rule_ids)));
    }
    for (const Shadowed& one : routes.shadowed) {
      shadowed.push_back(absl::StrCat(Line(one.destination, one.key, one.value), " <- ",
                                      std::string(router_.rules().rules()[one.rule].id)));
    }
    for (const Rejection& one : routes.rejections) rejections.emplace_back(one.reason);
    for (const Rejection& one : routes.shadow_rejections) {
      shadow_rejections.emplace_back(one.reason);
    }
    held_back += routes.held_back.size();
  }

  Router router_;
  support::MemoryState state_{0};
  support::MemoryState there_{0};
  TaskSteps steps_{&state_};
  TaskSteps there_steps_{&there_};
};

std::string RuleWith(const std::string& rollout, const std::string& more = "") {
  return absl::StrCat("team: checkout\ndestinations: [c.*]\nrules:\n",
                      "  - {name: abroad, match: {type: [x]}, to: c.abroad, ", more,
                      "rollout: ", rollout, "}\n");
}

// Published values: an implementation of anybody's own must come to these.
TEST(Rollout, SharesAreThoseOfThePublishedHash) {
  const auto takes = [](uint32_t share, std::string_view key) {
    return PlanRollout({.share = share}, "checkout", "abroad").Takes(key);
  };
  EXPECT_TRUE(takes(4431, "c-1"));
  EXPECT_FALSE(takes(4430, "c-1"));
  EXPECT_TRUE(takes(5385, ""));
  EXPECT_FALSE(takes(5384, ""));
}

TEST(Rollout, ALargerShareHoldsTheSmallerOneAndTwoRulesSharesAreIndependent) {
  const RolloutPlan small = PlanRollout({.share = 1'000}, "t", "a");
  const RolloutPlan large = PlanRollout({.share = 3'000}, "t", "a");
  const RolloutPlan other = PlanRollout({.share = 3'000}, "t", "b");
  int in_small = 0, in_large = 0, in_small_and_other = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string key = absl::StrCat("customer-", i);
    in_small += small.Takes(key);
    in_large += large.Takes(key);
    in_small_and_other += small.Takes(key) && other.Takes(key);
    EXPECT_TRUE(large.Takes(key) || !small.Takes(key));
  }
  // Three standard deviations.
  EXPECT_NEAR(in_small, 10'000, 285);
  EXPECT_NEAR(in_large, 30'000, 435);
  EXPECT_NEAR(in_small_and_other, 3'000, 162);
}

TEST(Rollout, TheKeyIsTheOutputsElseThePayloadDecides) {
  // By the published hash: c-1 lies at 4430, the payload {"type": "x"} at 6745.
  const std::string payload = R"({"type": "x"})";
  const std::string keyed = R"({"type": "x", "id": "c-1"})";
  EXPECT_THAT(Routed(Rules(RuleWith("{percent: 44.31}"))).Route(payload, "c-1").outputs, SizeIs(1));
  EXPECT_THAT(Routed(Rules(RuleWith("{percent: 44.30}"))).Route(payload, "c-1").held_back,
              ElementsAre(0));
  EXPECT_THAT(Routed(Rules(RuleWith("{percent: 67.46}"))).Route(payload).outputs, SizeIs(1));
  EXPECT_THAT(Routed(Rules(RuleWith("{percent: 67.45}"))).Route(payload).outputs, IsEmpty());
  EXPECT_THAT(Routed(Rules(RuleWith("{percent: 44.31}", "key: id, "))).Route(keyed, "z").outputs,
              SizeIs(1));
  EXPECT_THAT(Routed(Rules(RuleWith("{percent: 44.30}", "key: id, "))).Route(keyed, "z").outputs,
              IsEmpty());
  // A key that is not to be found is a dead letter, within the share.
  EXPECT_THAT(Routed(Rules(RuleWith("{percent: 67.46}", "key: id, "))).Route(payload).rejections,
              SizeIs(1));
  EXPECT_THAT(Routed(Rules(RuleWith("{percent: 67.45}", "key: id, "))).Route(payload).rejections,
              IsEmpty());
}

constexpr std::string_view kEveryStep = R"(
team: t
destinations: [t.*]
rules:
  - {name: plain, match: {type: [x]}, to: [t.a, "t.{v}"], key: k}
  - {name: dedup, match: {type: [x]}, steps: [{dedup: {key: k, for: 1s}}], to: t.a}
  - {name: burst, match: {type: [x]}, steps: [{threshold: {key: k, count: 3, within: 1s}}], to: t.a}
  - name: throttle
    match: {type: [x]}
    steps: [{throttle: {key: u, limit: 2, per: 1s}}]
    shape: {set: {label: "{v}"}}
    to: t.a
  - name: windows
    match: {type: [x]}
    steps: [{aggregate: {key: k, window: 2s, slide: 1s, fields: {n: count, s: {sum: n}}}}]
    to: [t.w, t.v]
  - name: every
    match: {type: [x]}
    steps: [{aggregate: {key: u, window: 2s, emit: every, fields: {n: count}}}]
    to: t.w
)";

// The rules above, each with this rollout.
std::string EveryStepWith(const std::string& rollout) {
  return absl::StrReplaceAll(
      std::string(kEveryStep),
      {{"match: {type: [x]},", absl::StrCat("match: {type: [x]}, rollout: ", rollout, ",")},
       {"match: {type: [x]}\n", absl::StrCat("match: {type: [x]}\n    rollout: ", rollout, "\n")}});
}

struct TestEvent {
  std::string value;
  std::string key;
  int64_t at_ms = 0;
};

std::vector<TestEvent> RandomEvents(uint64_t seed) {
  support::SeededRandom random(seed);
  std::vector<TestEvent> events;
  int64_t now_ms = 0;
  for (int i = 0; i < 400; ++i) {
    now_ms += random.Between(0, 120);
    std::string value = absl::StrCat(R"({"type": "x", "i": )", i, R"(, "n": )", random.Below(9));
    if (!random.OneIn(9)) absl::StrAppend(&value, R"(, "k": "k)", random.Below(20), "\"");
    if (!random.OneIn(9)) absl::StrAppend(&value, R"(, "u": )", random.Below(10));
    if (!random.OneIn(9)) absl::StrAppend(&value, R"(, "v": "v)", random.Below(3), "\"");
    events.push_back({value + "}", random.OneIn(4) ? "" : absl::StrCat("e", random.Below(30)),
                      now_ms - (random.OneIn(9) ? 300 : 0)});
  }
  return events;
}

// What comes of all events; with `partitioned_by` u, over the hop by k.
std::unique_ptr<Routed> RouteAll(const std::string& rules, const std::string& partitioned_by,
                                 const std::vector<TestEvent>& events) {
  auto routed = std::make_unique<Routed>(Rules(rules, partitioned_by));
  for (const TestEvent& event : events) {
    const std::string_view key = event.key.empty() ? std::string_view() : event.key;
    const Routes& routes = routed->Route(event.value, key, event.at_ms);
    routed->GoOnWith(routes, event.value, key, event.at_ms);
  }
  for (auto* lines :
       {&routed->outputs, &routed->shadowed, &routed->rejections, &routed->shadow_rejections}) {
    std::sort(lines->begin(), lines->end());
  }
  return routed;
}

// An output for each rule that it names.
std::vector<std::string> ByRule(const std::vector<std::string>& outputs) {
  std::vector<std::string> lines;
  for (const std::string& output : outputs) {
    const size_t arrow = output.find(" <- ");
    std::string_view ids = std::string_view(output).substr(arrow + 4);
    while (!ids.empty()) {
      const size_t end = std::min(ids.find(','), ids.size());
      lines.push_back(
          absl::StrCat(output.substr(0, arrow), " <- ", std::string(ids.substr(0, end))));
      ids.remove_prefix(std::min(end + 1, ids.size()));
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

class RolloutOfSteps : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(InOnePlaceAndOverTheHop, RolloutOfSteps, testing::Values("*", "u"));

TEST_P(RolloutOfSteps, ALargerPercentOnlyAddsAndChangesNoState) {
  for (const uint64_t seed : {1, 2, 3}) {
    const std::vector<TestEvent> events = RandomEvents(seed);
    const auto all = RouteAll(std::string(kEveryStep), GetParam(), events);
    const std::vector<std::string> of_all = ByRule(all->outputs);
    std::vector<std::string> before, rejected_before;
    for (const int percent : {0, 3, 30, 70, 100}) {
      const auto some =
          RouteAll(EveryStepWith(absl::StrFormat("{percent: %d}", percent)), GetParam(), events);
      const std::vector<std::string> now = ByRule(some->outputs);
      EXPECT_TRUE(std::includes(now.begin(), now.end(), before.begin(), before.end())) << percent;
      EXPECT_TRUE(std::includes(some->rejections.begin(), some->rejections.end(),
                                rejected_before.begin(), rejected_before.end()));
      EXPECT_TRUE(some->state().pending().entries == all->state().pending().entries);
      if (percent == 0) {
        EXPECT_THAT(now, IsEmpty());
      }
      if (percent == 0) {
        EXPECT_THAT(some->rejections, IsEmpty());
      }
      EXPECT_EQ(some->held_back == 0, percent == 100);
      if (percent == 30) {
        EXPECT_GT(now.size(), of_all.size() / 10);
      }
      if (percent == 70) {
        EXPECT_LT(now.size(), of_all.size());
      }
      if (percent == 100) {
        EXPECT_EQ(some->rejections, all->rejections);
      }
      before = now;
      rejected_before = some->rejections;
    }
    EXPECT_EQ(before, of_all);
  }
}

TEST_P(RolloutOfSteps, ShadowComesToTheSameAsLiveAndSendsNothing) {
  const std::vector<TestEvent> events = RandomEvents(4);
  const auto live = RouteAll(std::string(kEveryStep), GetParam(), events);
  const auto shadow = RouteAll(EveryStepWith("{mode: shadow}"), GetParam(), events);
  EXPECT_THAT(shadow->outputs, IsEmpty());
  EXPECT_THAT(shadow->rejections, IsEmpty());
  EXPECT_THAT(live->outputs, Not(IsEmpty()));
  EXPECT_THAT(live->rejections, Not(IsEmpty()));
  EXPECT_EQ(shadow->shadowed, ByRule(live->outputs));
  EXPECT_EQ(shadow->shadow_rejections, live->rejections);
  EXPECT_EQ(shadow->held_back, 0U);
}

TEST(Shadow, ItsIdIsInNobodysOutput) {
  Routed routed(Rules(R"(
team: t
destinations: [t.*]
rules:
  - {name: a, match: {type: [x]}, to: t.a, rollout: {mode: shadow}}
  - {name: b, match: {type: [x]}, to: t.a}
  - {name: c, match: {type: [x]}, to: t.a, rollout: {mode: shadow, percent: 0}}
  - {name: d, match: {type: [x]}, to: [t.a, t.d]}
)"));
  const Routes& routes = routed.Route(R"({"type": "x"})", "k");
  EXPECT_THAT(routes.matched, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(routed.outputs, ElementsAre(R"(t.a [k] {"type": "x"} <- t/b,t/d)",
                                          R"(t.d [k] {"type": "x"} <- t/d)"));
  EXPECT_THAT(routed.shadowed, ElementsAre(R"(t.a [k] {"type": "x"} <- t/a)"));
  EXPECT_THAT(routes.held_back, ElementsAre(2));
}

TEST(Shadow, TwoDestinationsThatComeToOneTopicCountOnce) {
  Routed routed(Rules(R"(
team: t
destinations: [t.*]
rules:
  - {name: a, match: {type: [x]}, to: [t.eu, "t.{r}"], rollout: {mode: shadow}}
)"));
  routed.Route(R"({"type": "x", "r": "eu"})");
  EXPECT_THAT(routed.shadowed, SizeIs(1));
}

TEST(Shadow, NobodyWritesItsDestinations) {
  const auto rules = Rules(R"(
team: t
destinations: [t.*]
rules:
  - {name: a, match: {type: [x]}, to: [t.shared, t.new], rollout: {mode: shadow}}
  - {name: b, match: {type: [x]}, to: t.shared, rollout: {percent: 1}}
)");
  ASSERT_THAT(rules->destinations(), SizeIs(1));
  EXPECT_EQ(rules->destinations()[0].topic, "t.shared");
}

TEST(Shadow, WhatItRemembersIsApartFromWhatTheLiveRuleDoes) {
  const std::string steps = "steps: [{dedup: {key: id, for: 1h}}], ";
  const auto live = Rules(RuleWith("{percent: 50}", steps));
  const auto all = Rules(RuleWith("{percent: 100, mode: live}", steps));
  const auto shadow = Rules(RuleWith("{mode: shadow}", steps));
  EXPECT_EQ(live->steps(), all->steps());
  ASSERT_THAT(shadow->steps(), SizeIs(1));
  EXPECT_NE(shadow->steps()[0], live->steps()[0]);
}

TEST(Shadow, OverTheHopItsMatchesTravelApartAndAreNoDeadLetters) {
  constexpr std::string_view kRules = R"(
team: t
destinations: [t.*]
rules:
  - {name: live, match: {type: [x]}, steps: [{dedup: {key: k, for: 1h}}], to: t.a}
  - name: dark
    match: {type: [x]}
    steps: [{dedup: {key: k, for: 1h}}]
    to: t.a
    rollout: {mode: shadow}
  - name: gone
    match: {type: [x]}
    steps: [{dedup: {key: k, for: 1h}}]
    to: t.a
    rollout: {mode: shadow}
)";
  support::MemoryState state{0};
  TaskSteps steps(&state);
  Router before(Rules(std::string(kRules), "u"));
  const Event event = {.value = R"({"type": "x", "k": 1})", .timestamp_ms = kStartMs};
  const Routes& sent = before.Route(event, &steps);
  ASSERT_THAT(sent.rekeyed, SizeIs(2));
  EXPECT_EQ(sent.rekeyed[0].rule_ids, "t/live");
  EXPECT_FALSE(sent.rekeyed[0].is_shadow);
  EXPECT_EQ(sent.rekeyed[1].rule_ids, "t/dark,t/gone");
  EXPECT_TRUE(sent.rekeyed[1].is_shadow);
  // One of them went live on the way, and has other steps therefore; one is no more.
  Router after(Rules(R"(
team: t
destinations: [t.*]
rules:
  - {name: dark, match: {type: [x]}, steps: [{dedup: {key: k, for: 1h}}], to: t.a}
)",
                     "u"));
  const std::vector<state::StepId> next(sent.rekeyed[1].steps.begin(), sent.rekeyed[1].steps.end());
  const Routes& routes = after.Continue(event, next, "t/dark,t/gone", true, &steps);
  EXPECT_TRUE(routes.lacks_steps);
  EXPECT_THAT(routes.outputs, IsEmpty());
  EXPECT_THAT(routes.rejections, IsEmpty());
  EXPECT_THAT(routes.gone, IsEmpty());
  ASSERT_THAT(routes.shadow_rejections, SizeIs(1));
  EXPECT_THAT(std::string(routes.shadow_rejections[0].reason), HasSubstr("has changed"));
}

}  // namespace
}  // namespace turnout::router

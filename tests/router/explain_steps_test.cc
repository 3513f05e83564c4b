// What is told of steps that remember: the router's own decisions, by seeds, and nothing changed by
// asking; and the words of it, case by case.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/explainer.h"
#include "router/router.h"
#include "tests/support/memory_state.h"
#include "tests/support/random_steps.h"

namespace turnout::router {
namespace {

using support::MemoryState;
using support::StepCase;
using ::testing::ElementsAre;
using ::testing::SizeIs;

std::string LineOf(const ExplainedOutput& output) {
  return absl::StrCat("out ", output.destination, " ", output.key.value_or("-"), " ",
                      output.value.value_or("-"), " ", output.window_end_ms.value_or(-1), " ",
                      output.rule_ids);
}

// What the explanation says that becomes of the event, as lines that don't depend on an order.
std::vector<std::string> LinesOf(const Explanation& explanation) {
  std::vector<std::string> lines;
  for (const ExplainedOutput& output : explanation.outputs) lines.push_back(LineOf(output));
  for (const RuleExplanation& rule : explanation.rules) {
    for (const StepDecision& step : rule.steps) {
      const bool is_late = step.verdict == StepVerdict::kStopsLate;
      if (is_late || step.verdict == StepVerdict::kStops) {
        lines.push_back(absl::StrCat(is_late ? "late " : "stop ", rule.id, " ",
                                     std::string(StepName(step.kind))));
      } else if (step.verdict == StepVerdict::kRejects || step.verdict == StepVerdict::kIsFull) {
        lines.push_back(
            absl::StrCat(step.verdict == StepVerdict::kIsFull ? "full " : "reject ", rule.id));
      }
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::vector<std::string> LinesOf(const Routes& routes, const RuleSet& rules) {
  std::vector<std::string> lines;
  const auto text = [](std::string_view view) {
    return view.data() == nullptr ? "-" : std::string(view);
  };
  for (const Output& output : routes.outputs) {
    lines.push_back(absl::StrCat("out ", text(output.destination), " ", text(output.key), " ",
                                 text(output.value), " ", output.window_end_ms.value_or(-1), " ",
                                 text(output.rule_ids)));
  }
  for (const Stopped& stopped : routes.stopped) {
    lines.push_back(absl::StrCat(stopped.late ? "late " : "stop ",
                                 text(rules.rules()[stopped.rule].id), " ",
                                 text(StepName(stopped.step))));
  }
  for (const Rejection& rejection : routes.rejections) {
    lines.push_back(absl::StrCat(rejection.is_full ? "full " : "reject ",
                                 text(rules.rules()[rejection.rule].id)));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST(ExplainSteps, WhatIsToldIsWhatTheRouterDoesAndChangesNothing) {
  std::map<std::string, size_t> tally;  // of lines, by their first word
  for (uint64_t seed = 0; seed < 150; ++seed) {
    const StepCase given = support::RandomStepCase(seed);
    if (given.events.size() > 400) continue;  // windows by the hundred: too slow to ask of twice
    MemoryState state(0);
    TaskSteps task(&state);
    Router router(given.rule_set);
    Explainer explainer(given.rule_set);
    for (size_t i = 0; i < given.events.size(); ++i) {
      const std::string json = given.events[i].Json();
      const Event event{.value = json, .topic = "in", .timestamp_ms = given.events[i].record_ms};
      const MemoryState::Version before = state.committed();
      const Explanation explanation = explainer.Explain(event, &state);
      ASSERT_EQ(state.committed().entries, before.entries);
      ASSERT_EQ(state.pending().entries, before.entries);
      ASSERT_EQ(state.watermark_ms(), before.point.watermark_ms);
      const Routes& routes = router.Route(event, &task);
      const std::vector<std::string> told = LinesOf(explanation);
      ASSERT_EQ(told, LinesOf(routes, *given.rule_set)) << "seed " << seed << " event " << i;
      ASSERT_EQ(explanation.watermark_ms, state.watermark_ms());
      for (const std::string& line : told) ++tally[line.substr(0, line.find(' '))];
      ASSERT_TRUE(task.Commit(static_cast<int64_t>(i) + 1, "rules").ok());
    }
  }
  for (const char* word : {"out", "stop", "late", "reject", "full"}) {
    EXPECT_GT(tally[word], 100U) << word;
  }
}

// One rule of topic `in` with these steps, and a task that has seen events of it.
class Asked {
 public:
  explicit Asked(const std::string& steps,
                 StateSettings settings = {.partitioned_by = std::string(kOnePartition)})
      : given_(support::StepCaseOf(
            R"({"team": "t", "name": "r", "match": {"$kafka": {"topic": ["in"]}}, "to": "t.r", )"
            R"("steps": [)" +
                steps + "]}",
            std::move(settings))),
        router_(given_.rule_set),
        explainer_(given_.rule_set) {}

  void Route(int64_t time_ms, const std::string& json) {
    router_.Route({.value = json, .topic = "in", .timestamp_ms = time_ms}, &task_);
    ASSERT_TRUE(task_.Commit(++offset_, "rules").ok());
  }
  std::vector<StepDecision> Explain(int64_t time_ms, const std::string& json) {
    const Event event{.value = json, .topic = "in", .timestamp_ms = time_ms};
    return explainer_.Explain(event, &state_).rules.at(0).steps;
  }

 private:
  StepCase given_;
  MemoryState state_{0};
  TaskSteps task_{&state_};
  Router router_;
  Explainer explainer_;
  int64_t offset_ = 0;
};

std::map<std::string, int64_t> FactsOf(const StepDecision& step) {
  std::map<std::string, int64_t> facts;
  for (const StepFact& fact : step.facts) {
    facts[std::string(fact.name)] =
        fact.kind == StepFact::Kind::kTime ? fact.time_ms : static_cast<int64_t>(fact.number);
  }
  return facts;
}

using Facts = std::map<std::string, int64_t>;

TEST(ExplainSteps, ADedupSaysWhenItsKeyPassedAndPassesAgain) {
  Asked asked(R"({"dedup": {"key": "k", "for": "1s"}})");
  std::vector<StepDecision> steps = asked.Explain(10'000, R"({"k": "a"})");
  ASSERT_THAT(steps, SizeIs(1));
  EXPECT_EQ(steps[0].verdict, StepVerdict::kPasses);
  EXPECT_FALSE(steps[0].remembers_key);
  asked.Route(10'000, R"({"k": "a"})");
  steps = asked.Explain(10'500, R"({"k": "a"})");
  EXPECT_EQ(steps[0].verdict, StepVerdict::kStops);
  EXPECT_EQ(steps[0].key, "a");
  EXPECT_TRUE(steps[0].remembers_key);
  EXPECT_EQ(FactsOf(steps[0]), (Facts{{"passed_at", 10'000}, {"passes_again_at", 11'000}}));
}

TEST(ExplainSteps, AThrottleSaysHowManyHavePassedInItsSpan) {
  Asked asked(R"({"throttle": {"key": "k", "limit": 2, "per": "1s"}})");
  asked.Route(10'000, R"({"k": "a"})");
  asked.Route(10'100, R"({"k": "a"})");
  const std::vector<StepDecision> steps = asked.Explain(10'200, R"({"k": "a"})");
  EXPECT_EQ(steps[0].verdict, StepVerdict::kStops);
  EXPECT_EQ(
      FactsOf(steps[0]),
      (Facts{{"limit", 2}, {"passed", 2}, {"span_began_at", 10'000}, {"span_ends_at", 11'000}}));
}

TEST(ExplainSteps, AThresholdSaysWhatItHadCounted) {
  Asked asked(R"({"threshold": {"key": "k", "sum": "n", "at_least": 10, "within": "1s"}})");
  asked.Route(10'000, R"({"k": "a", "n": 4})");
  asked.Route(10'500, R"({"k": "a", "n": 3})");
  const std::vector<StepDecision> steps = asked.Explain(11'200, R"({"k": "a", "n": 8})");
  EXPECT_EQ(steps[0].verdict, StepVerdict::kPasses);
  EXPECT_EQ(FactsOf(steps[0]), (Facts{{"at_least", 10}, {"counted_before", 3}}));
}

TEST(ExplainSteps, StepsBehindOneThatHeldTheEventBackAreNotAsked) {
  Asked asked(R"({"dedup": {"key": "k", "for": "1s"}}, {"dedup": {"key": "j", "for": "1s"}})");
  EXPECT_THAT(asked.Explain(10'000, R"({"k": "a", "j": "b"})"), SizeIs(2));
  asked.Route(10'000, R"({"k": "a", "j": "b"})");
  EXPECT_THAT(asked.Explain(10'000, R"({"k": "a", "j": "b"})"), SizeIs(1));
}

TEST(ExplainSteps, AStepOnAnotherKeyThanTheSourcesIsRekeyed) {
  Asked asked(R"({"dedup": {"key": "k", "for": "1s"}})", {.partitioned_by = "id"});
  const std::vector<StepDecision> steps = asked.Explain(10'000, R"({"k": "a", "id": "b"})");
  ASSERT_THAT(steps, SizeIs(1));
  EXPECT_TRUE(steps[0].is_rekeyed);
  EXPECT_EQ(steps[0].key, "a");
}

TEST(ExplainSteps, ASampleSaysItsKeysBucket) {
  Asked asked(R"({"sample": {"key": "k", "percent": 0.01}})");
  const std::vector<StepDecision> steps = asked.Explain(10'000, R"({"k": "a"})");
  EXPECT_EQ(steps[0].share, 1u);
  EXPECT_LT(steps[0].bucket, 10'000u);
  EXPECT_EQ(steps[0].verdict, steps[0].bucket < 1 ? StepVerdict::kPasses : StepVerdict::kStops);
}

TEST(ExplainSteps, WithoutAStateStepsSayWhatTheyWouldIfTheyRememberedNothing) {
  const StepCase given = support::StepCaseOf(
      R"({"team": "t", "name": "r", "match": {"$kafka": {"topic": ["in"]}}, "to": "t.r", )"
      R"("steps": [{"dedup": {"key": "k", "for": "1s"}}]})",
      {.partitioned_by = std::string(kOnePartition)});
  Explainer explainer(given.rule_set);
  const Explanation explanation =
      explainer.Explain({.value = R"({"k": 1})", .topic = "in", .timestamp_ms = 5}, nullptr);
  EXPECT_TRUE(explanation.keeps_state);
  EXPECT_FALSE(explanation.has_state);
  EXPECT_THAT(explanation.outputs, SizeIs(1));
}

}  // namespace
}  // namespace turnout::router

// Steps on short runs of events, by hand: tests/router/data/step_cases.jsonl. An event is its
// record's time, its payload and what becomes of it, a text for each:
//
//   pass                   an output, the event as it came
//   stop STEP, late STEP   counted as stopped
//   reject REASON
//   close KEY END VALUE    a feature record of a window that ends at END
//   feature KEY VALUE      a feature record of the event itself

#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "router/canonical_text.h"
#include "router/router.h"
#include "tests/router/case_file.h"
#include "tests/support/memory_state.h"

namespace turnout::router {
namespace {

int64_t NumberOf(const Node& node) {
  int64_t number = 0;
  std::from_chars(node.text.data(), node.text.data() + node.text.size(), number);
  return number;
}

StateSettings SettingsOf(const Node& given) {
  StateSettings settings;
  settings.partitioned_by = kOnePartition;
  const Node* node = given.Find("settings");
  if (node == nullptr) return settings;
  if (const Node* ms = node->Find("lateness_ms")) settings.lateness_ms = NumberOf(*ms);
  if (const Node* ms = node->Find("ahead_ms_max")) settings.ahead_ms_max = NumberOf(*ms);
  settings.time_field = TextOf(*node, "time_field");
  return settings;
}

// Every event matches that has no field `unmatched`.
std::shared_ptr<const RuleSet> RulesOf(const Node& given) {
  const std::string line = absl::StrCat(
      R"({"team": "t", "name": "r", "match": {"unmatched": [{"exists": false}]}, "to": "t.r", )",
      R"("steps": )", JsonText(*given.Find("steps")), "}");
  std::vector<Problem> problems;
  auto files = ReadRuleLines(line, {}, &problems);
  for (const Problem& problem : problems) ADD_FAILURE() << problem.what;
  std::vector<Team> teams;
  if (files) teams.push_back(std::make_shared<const RuleFile>(std::move(files->front())));
  return RuleSet::Build(std::move(teams), SettingsOf(given));
}

std::vector<std::string> AnswersOf(const Routes& routes, const std::string& payload) {
  std::vector<std::string> answers;
  if (!routes.state_error.ok()) answers.push_back(routes.state_error.ToString());
  for (const Output& output : routes.outputs) {
    const std::string key(output.key);
    const std::string value(output.value);
    EXPECT_EQ(output.destination, "t.r");
    EXPECT_EQ(output.rule_ids, "t/r");
    EXPECT_EQ(output.rules.size(), 1U);
    if (output.window_end_ms) {
      answers.push_back(absl::StrCat("close ", key, " ", *output.window_end_ms, " ", value));
    } else if (value == payload) {
      answers.push_back("pass");
    } else {
      answers.push_back(absl::StrCat("feature ", key, " ", value));
    }
  }
  for (const Rejection& one : routes.rejections) {
    answers.push_back("reject " + std::string(one.reason));
  }
  for (const Stopped& one : routes.stopped) {
    answers.push_back((one.late ? "late " : "stop ") + std::string(StepName(one.step)));
  }
  return answers;
}

TEST(StepCases, EventsBecomeWhatIsWrittenDown) {
  for (const Node& given : ReadCases("step_cases.jsonl")) {
    SCOPED_TRACE(TextOf(given, "name"));
    support::MemoryState state(0);
    TaskSteps task(&state);
    Router router(RulesOf(given));
    for (const Node& event : given.Find("events")->items) {
      const std::string payload = JsonText(event.items[1]);
      std::vector<std::string> expected;
      for (size_t i = 2; i < event.items.size(); ++i) expected.push_back(event.items[i].text);
      const Routes& routes = router.Route(
          {.value = payload, .key = "own", .timestamp_ms = NumberOf(event.items[0])}, &task);
      EXPECT_EQ(AnswersOf(routes, payload), expected) << event.items[0].text << " " << payload;
    }
  }
}

TEST(StepCases, AnUnreadablePayloadMovesTheTimeByItsRecord) {
  support::MemoryState state(0);
  TaskSteps task(&state);
  std::vector<Problem> problems;
  auto files = ReadRuleLines(
      R"({"team": "t", "name": "r", "match": {"$kafka": {"topic": ["in"]}}, "to": "t.r", )"
      R"("steps": [{"dedup": {"key": "k", "for": "1h"}}]})",
      {}, &problems);
  ASSERT_TRUE(files.has_value());
  Router router(RuleSet::Build({std::make_shared<const RuleFile>(std::move(files->front()))},
                               {.partitioned_by = std::string(kOnePartition),
                                .time_field = "at",
                                .lateness_ms = 1000}));
  const Routes& routes =
      router.Route({.value = R"({"at": 7, "k": )", .topic = "in", .timestamp_ms = 5000}, &task);
  EXPECT_FALSE(routes.payload_error.ok());
  EXPECT_TRUE(routes.state_error.ok());
  ASSERT_EQ(routes.rejections.size(), 1U);
  EXPECT_EQ(routes.rejections[0].reason,
            "field `k`, which the step `dedup` needs, is not known, since the payload could not be "
            "read");
  EXPECT_EQ(state.watermark_ms(), 4000);
}

TEST(StepCases, RulesThatRememberNeedAState) {
  std::vector<Problem> problems;
  auto files = ReadRuleLines(R"({"team": "t", "name": "r", "match": {"k": ["a"]}, "to": "t.r", )"
                             R"("steps": [{"dedup": {"key": "k", "for": "1h"}}]})",
                             {}, &problems);
  ASSERT_TRUE(files.has_value());
  Router router(RuleSet::Build({std::make_shared<const RuleFile>(std::move(files->front()))}));
  const Routes& routes = router.Route({.value = R"({"k": "a"})"});
  EXPECT_EQ(routes.state_error.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(routes.matched.size(), 1U);
  EXPECT_TRUE(routes.outputs.empty());
}

}  // namespace
}  // namespace turnout::router

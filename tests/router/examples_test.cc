// Holds the rules with memory of deploy/examples to what their outcomes.ndjson says, line by line,
// of their events.

#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "router/router.h"
#include "router/timestamp.h"
#include "tests/support/memory_state.h"

namespace turnout::router {
namespace {

struct Example {
  std::string directory;
  std::string rules;
  int64_t lateness_ms = 0;
};

class Examples : public testing::TestWithParam<Example> {
 protected:
  std::string PathOf(const std::string& name) const {
    return std::string(TURNOUT_SOURCE_DIR) + "/deploy/examples/" + GetParam().directory + "/" +
           name;
  }
  std::vector<std::string> LinesOf(const std::string& name) const {
    std::ifstream file(PathOf(name));
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  RuleFile Rules() const {
    std::ifstream file(PathOf(GetParam().rules));
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::vector<Problem> problems;
    std::optional<RuleFile> rules = ReadRuleFile("rules.yaml", text, {}, &problems);
    for (const Problem& problem : problems) ADD_FAILURE() << problem.what;
    return rules.has_value() ? *std::move(rules) : RuleFile{};
  }
};

// `topic KEY value`, `stopped by STEP of RULE`, `rejected: why`, with ` | ` between.
std::string OutcomeOf(const Routes& routes, const RuleSet& rules) {
  std::vector<std::string> said;
  if (!routes.state_error.ok()) said.push_back(routes.state_error.ToString());
  for (const Output& output : routes.outputs) {
    said.push_back(absl::StrCat(std::string(output.destination), " ", std::string(output.key), " ",
                                std::string(output.value)));
  }
  for (const Stopped& one : routes.stopped) {
    said.push_back(absl::StrCat(one.late ? "late for " : "stopped by ",
                                std::string(StepName(one.step)), " of ",
                                std::string(rules.rules()[one.rule].id)));
  }
  for (const Rejection& one : routes.rejections) {
    said.push_back(absl::StrCat("rejected: ", std::string(one.reason)));
  }
  return said.empty() ? "nothing" : absl::StrJoin(said, " | ");
}

TEST_P(Examples, EveryEventLeadsToWhatIsWrittenDown) {
  const std::vector<std::string> events = LinesOf("events.ndjson");
  const std::vector<std::string> outcomes = LinesOf("outcomes.txt");
  ASSERT_FALSE(events.empty());
  ASSERT_EQ(events.size(), outcomes.size());
  // All keys meet, as they do where the source has the keys' partitions, or re-keying made them.
  Router router(RuleSet::Build({std::make_shared<const RuleFile>(Rules())},
                               {.partitioned_by = std::string(kOnePartition),
                                .time_field = "time",
                                .lateness_ms = GetParam().lateness_ms,
                                .ahead_ms_max = int64_t{24} * 3'600'000}));
  support::MemoryState state(0);
  TaskSteps task(&state);
  for (size_t i = 0; i < events.size(); ++i) {
    // The records came in long after the events: what counts is the time that they say.
    const Event event = {.value = events[i], .timestamp_ms = 1'900'000'000'000};
    EXPECT_EQ(OutcomeOf(router.Route(event, &task), router.rules()), outcomes[i])
        << "event " << i + 1 << ": " << events[i];
    ASSERT_TRUE(state.Commit(static_cast<int64_t>(i) + 1, "").ok());
  }
}

INSTANTIATE_TEST_SUITE_P(All, Examples,
                         testing::Values(Example{"fraud", "rules/fraud.yaml", 0},
                                         Example{"features", "rules/ml.yaml", 60'000}),
                         [](const auto& one) { return one.param.directory; });

}  // namespace
}  // namespace turnout::router

// Holds the rules of deploy/examples/olap to what its rows.ndjson says of its events.

#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "router/router.h"
#include "tests/router/case_file.h"
#include "tests/support/memory_state.h"

namespace turnout::router {
namespace {

const std::string kDirectory = std::string(TURNOUT_SOURCE_DIR) + "/deploy/examples/olap/";

std::vector<std::string> LinesOf(const std::string& name) {
  std::ifstream file(kDirectory + name);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

RuleFile Rules() {
  std::ifstream file(kDirectory + "rules/warehouse.yaml");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<Problem> problems;
  std::optional<RuleFile> rules = ReadRuleFile("warehouse.yaml", text, {}, &problems);
  for (const Problem& problem : problems) ADD_FAILURE() << problem.what;
  return rules.has_value() ? *std::move(rules) : RuleFile{};
}

TEST(OlapExample, EveryEventBecomesTheRowThatIsWrittenDown) {
  Router router(RuleSet::Build({std::make_shared<const RuleFile>(Rules())},
                               {.partitioned_by = std::string(kOnePartition)}));
  support::MemoryState state(0);
  TaskSteps task(&state);
  const std::vector<std::string> events = LinesOf("events.ndjson");
  const std::vector<std::string> rows = LinesOf("rows.ndjson");
  ASSERT_EQ(events.size(), rows.size());
  ASSERT_FALSE(events.empty());
  for (size_t i = 0; i < events.size(); ++i) {
    std::vector<Problem> problems;
    const std::optional<Node> row = ParseJson(rows[i], &problems);
    ASSERT_TRUE(row.has_value()) << rows[i];
    const Routes& routes = router.Route({.value = events[i]}, &task);
    const auto member = [&](std::string_view name) { return TextOf(*row, name); };
    ASSERT_EQ(routes.outputs.size(), member("topic").empty() ? 0U : 1U) << events[i];
    ASSERT_EQ(routes.rejections.size(), member("rejected").empty() ? 0U : 1U) << events[i];
    ASSERT_EQ(routes.stopped.size(), member("stopped").empty() ? 0U : 1U) << events[i];
    if (!routes.outputs.empty()) {
      EXPECT_EQ(routes.outputs[0].destination, member("topic"));
      EXPECT_EQ(routes.outputs[0].key, member("key"));
      EXPECT_EQ(routes.outputs[0].value, member("value"));
    }
    for (const Rejection& one : routes.rejections) EXPECT_EQ(one.reason, member("rejected"));
    for (const Stopped& one : routes.stopped) EXPECT_EQ(StepName(one.step), member("stopped"));
  }
}

}  // namespace
}  // namespace turnout::router

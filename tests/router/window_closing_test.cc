// What closing windows costs, counted in looks at the state.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "router/router.h"
#include "tests/support/memory_state.h"
#include "tests/support/rules_of.h"

namespace turnout::router {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kStart = 400'000 * kHourMs;

class CountingState : public support::MemoryState {
 public:
  CountingState() : MemoryState(0) {}

  absl::StatusOr<bool> Get(state::StepId step, std::string_view key, std::string* value) override {
    ++looks[step];
    return MemoryState::Get(step, key, value);
  }
  absl::Status Scan(state::StepId step, std::string_view from, std::string_view to,
                    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) override {
    ++looks[step];
    return MemoryState::Scan(step, from, to, visit);
  }

  std::map<state::StepId, uint64_t> looks;
};

Team TeamWith(std::string_view name, std::string_view window, int rules) {
  std::string text = absl::StrCat("team: ", absl::string_view(name.data(), name.size()),
                                  "\ndestinations: [t]\nrules:\n");
  for (int i = 0; i < rules; ++i) {
    absl::StrAppend(&text, "  - {name: r", i, ", match: {type: [x]}, to: t, steps: [{aggregate: {",
                    "key: user, ", absl::string_view(window.data(), window.size()),
                    ", fields: {n: count}}}]}\n");
  }
  return support::TeamOf(text);
}

std::shared_ptr<const RuleSet> RulesOf(std::vector<Team> teams) {
  return RuleSet::Build(std::move(teams),
                        {.partitioned_by = std::string(kOnePartition), .lateness_ms = 0});
}

TEST(WindowClosing, AShortSlideLooksAtNoOtherTeamsState) {
  const Team hourly = TeamWith("a", "window: 1h", 20);
  const Team brief = TeamWith("b", "window: 10ms, slide: 1ms", 1);
  CountingState state;
  TaskSteps task(&state);
  Router router(RulesOf({hourly, brief}));
  const auto route = [&](std::string_view type, int64_t at_ms) {
    const std::string json = absl::StrCat(R"({"user": "u", "type": ")",
                                          absl::string_view(type.data(), type.size()), R"("})");
    const Routes& routes = router.Route({.value = json, .timestamp_ms = kStart + at_ms}, &task);
    EXPECT_TRUE(routes.state_error.ok()) << routes.state_error;
    return routes.outputs.size();
  };
  route("y", 0);
  const auto first = state.looks;
  for (int64_t i = 1; i <= 1'000; ++i) route("y", i * 10);
  const auto only_hourly = RulesOf({hourly});
  const auto only_brief = RulesOf({brief});
  for (const state::StepId step : only_hourly->steps()) {
    EXPECT_EQ(state.looks[step], first.at(step)) << "no hour has ended";
  }
  EXPECT_GE(state.looks[only_brief->steps()[0]], 1'000U) << "it closes with each event";

  // What is due later is not forgotten.
  EXPECT_EQ(route("x", kHourMs - 20), 0U);
  EXPECT_EQ(route("y", kHourMs - 15), 5U) << "windows of the ten that it is in";
  EXPECT_EQ(route("y", kHourMs - 1), 5U) << "the rest of them";
  EXPECT_EQ(route("y", kHourMs), 20U);
  EXPECT_EQ(route("y", 2 * kHourMs), 0U);
}

}  // namespace
}  // namespace turnout::router

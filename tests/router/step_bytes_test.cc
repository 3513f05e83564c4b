// Stored bytes that no step has written: each is DataLoss that names the step, whatever is asked.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "router/router.h"
#include "tests/support/memory_state.h"

namespace turnout::router {
namespace {

std::shared_ptr<const RuleSet> RulesOf(std::string_view step) {
  std::vector<Problem> problems;
  auto files = ReadRuleLines(
      absl::StrCat(R"({"team": "t", "name": "r", "match": {"k": ["a"]}, "to": "t.r", "steps": [{)",
                   absl::string_view(step.data(), step.size()), "}]}"),
      {}, &problems);
  for (const Problem& problem : problems) ADD_FAILURE() << problem.what;
  std::vector<Team> teams;
  if (files) teams.push_back(std::make_shared<const RuleFile>(std::move(files->front())));
  return RuleSet::Build(std::move(teams),
                        {.partitioned_by = std::string(kOnePartition), .lateness_ms = 0});
}

std::string Number(uint64_t number) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(number >> (8 * i)));
  return bytes;
}

std::string PaneKey(uint64_t pane_ms, std::string_view key) {
  std::string bytes = "p";
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(pane_ms >> shift));
  return bytes.append(key);
}

constexpr std::string_view kMeter = "meter";  // stands for the key of what is counted

absl::Status After(std::string_view step, std::string_view key, std::string_view value) {
  const auto rules = RulesOf(step);
  support::MemoryState state(0);
  state.AdvanceWatermark(1'000'000);
  if (key == kMeter) {
    const std::string meter_of = PaneKey(rules->steps()[0], "").substr(1);
    state.Put(state::kBookkeepingStep, meter_of, value, state::kNeverExpires);
  } else {
    state.Put(rules->steps()[0], key, value, state::kNeverExpires);
  }
  TaskSteps task(&state);
  Router router(rules);
  return router.Route({.value = R"({"k": "a", "v": 1})", .timestamp_ms = 1'000'500}, &task)
      .state_error;
}

TEST(StepBytes, DamagedCountsAreFound) {
  constexpr std::string_view kDedup = R"("dedup": {"key": "k", "for": "1h"})";
  const std::string nothing(32 * 8, '\0');
  const std::string head = Number(1'000) + Number(1'000);
  const auto after = [&](const std::string& meter) { return After(kDedup, kMeter, meter).code(); };
  EXPECT_EQ(after(head + Number(5) + Number(1) + nothing), absl::StatusCode::kOk);
  const std::vector<std::string> damaged = {
      "",
      head + Number(5) + Number(1) + nothing + "x",
      head + Number(5) + Number(1) + nothing.substr(1),
      Number(0) + Number(1'000) + Number(5) + Number(1) + nothing,
      Number(UINT64_MAX) + Number(1'000) + Number(5) + Number(1) + nothing,
      Number(1'000) + Number(UINT64_MAX) + Number(5) + Number(1) + nothing,
      Number(1'000) + Number(INT64_MAX) + Number(5) + Number(1) + nothing,
      head + Number(UINT64_MAX) + Number(1) + nothing,
      head + Number(5) + Number(UINT64_MAX) + nothing,
      head + Number(5) + Number(1) + nothing.substr(8) + Number(INT64_MAX),
  };
  for (size_t i = 0; i < damaged.size(); ++i) {
    EXPECT_EQ(after(damaged[i]), absl::StatusCode::kDataLoss) << i;
  }
}

TEST(StepBytes, DamageIsFoundAndNamesTheStep) {
  constexpr std::string_view kDedup = R"("dedup": {"key": "k", "for": "1h"})";
  constexpr std::string_view kThrottle = R"("throttle": {"key": "k", "limit": 2, "per": "1h"})";
  constexpr std::string_view kCount = R"("threshold": {"key": "k", "count": 2, "within": "1h"})";
  constexpr std::string_view kSum =
      R"("threshold": {"key": "k", "sum": "v", "at_least": 2, "within": "1h"})";
  constexpr std::string_view kWindows =
      R"("aggregate": {"key": "k", "window": "2s", "slide": "1s", "fields": {"n": "count"}})";
  constexpr std::string_view kEvery =
      R"("aggregate": {"key": "k", "window": "1s", "emit": "every", )"
      R"("fields": {"n": "count", "d": {"distinct": "v"}}})";
  const std::string t = Number(1'000'000);
  struct Case {
    std::string_view step;
    std::string key;
    std::string value;
    bool damaged = true;
  };
  const std::vector<Case> cases = {
      {kDedup, "a", t, false},
      {kDedup, "a", ""},
      {kDedup, "a", "1234567"},
      {kDedup, "a", t + "x"},
      {kDedup, "a", Number(uint64_t{1} << 63)},
      {kDedup, "a", Number(INT64_MAX)},
      {kThrottle, "a", t + Number(1), false},
      {kThrottle, "a", t},
      {kThrottle, "a", t + Number(1) + "x"},
      {kThrottle, "a", Number(INT64_MAX) + Number(1)},
      {kThrottle, "a", t + Number(UINT64_MAX), false},  // a limit that was higher
      {kCount, "a", t + t, false},
      {kCount, "a", ""},
      {kCount, "a", t + "x"},
      {kCount, "a", t + t + t},  // more than can matter
      {kCount, "a", t + Number(999'999)},
      {kCount, "a", Number(INT64_MAX)},
      {kSum, "a", t + Number(0), false},
      {kSum, "a", t},
      {kSum, "a", std::string(129 * 16, '\0')},
      {kSum, "a", std::string(128 * 16, '\0'), false},
      {kEvery, PaneKey(1'000'000, "a"), Number(1) + std::string(2, '\0'), false},
      {kEvery, PaneKey(1'000'000, "a"), Number(1) + std::string(2, '\0') + "x"},
      {kEvery, PaneKey(1'000'000, "a"), Number(1)},
      {kEvery, PaneKey(1'000'000, "a"), "1"},
      {kEvery, PaneKey(1'000'000, "a"), Number(1) + std::string(2049, '\7')},
      {kWindows, PaneKey(999'000, "b"), Number(1), false},
      {kWindows, PaneKey(999'000, "b"), Number(1) + "x"},
      {kWindows, PaneKey(999'001, "b"), Number(1)},
      {kWindows, PaneKey(INT64_MAX, "b"), Number(1)},
      {kWindows, PaneKey(uint64_t{1} << 63, "b"), Number(1)},
      {kWindows, "p123", Number(1)},
      {kWindows, "c", Number(1'000'000), false},
      {kWindows, "c", Number(999'000), false},
      {kWindows, "c", Number(999'000) + "\1key", false},
      {kWindows, "c", Number(999'000) + "\2key"},
      {kWindows, "c", Number(999'001)},
      {kWindows, "c", Number(INT64_MAX)},
      {kWindows, "c", "x"},
      {kWindows, "c", ""},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    const absl::Status status = After(cases[i].step, cases[i].key, cases[i].value);
    EXPECT_EQ(status.code(), cases[i].damaged ? absl::StatusCode::kDataLoss : absl::StatusCode::kOk)
        << i << " " << status;
    const std::string_view name = cases[i].step.substr(1, cases[i].step.find('"', 1) - 1);
    if (!status.ok()) {
      EXPECT_TRUE(absl::StrContains(
          status.message(), absl::StrCat("step `", absl::string_view(name.data(), name.size()))))
          << i << " " << status;
    }
  }
}

}  // namespace
}  // namespace turnout::router

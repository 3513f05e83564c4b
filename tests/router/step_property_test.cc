// The router's steps against the plain ones, by seeds: the same outputs, stops and rejections for
// random rules and events; and the same again, state included, however batches are cut, rolled back
// and redone, on both states.

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "router/router.h"
#include "state/state_resources.h"
#include "state/task_store.h"
#include "tests/support/memory_state.h"
#include "tests/support/plain_steps.h"
#include "tests/support/random_steps.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_directory.h"

namespace turnout::router {
namespace {

using support::MemoryState;
using support::PlainEvent;
using support::PlainSteps;
using support::SeededRandom;
using support::StepCase;

std::vector<std::string> Route(const StepCase& given, const PlainEvent& event, Router* router,
                               TaskSteps* task) {
  const std::string json = event.Json();
  const Event the_event{.value = json, .topic = "in", .timestamp_ms = event.record_ms};
  return support::LinesOf(router->Route(the_event, task), *given.rule_set, json);
}

std::string Described(const StepCase& given, size_t event, const std::vector<std::string>& got,
                      const std::vector<std::string>& expected) {
  std::string text = given.rules_text;
  for (size_t i = 0; i <= event; ++i) {
    text += std::to_string(given.events[i].record_ms) + " " + given.events[i].Json() + "\n";
  }
  return text + "event " + std::to_string(event) + "\ngot\n  " + absl::StrJoin(got, "\n  ") +
         "\nexpected\n  " + absl::StrJoin(expected, "\n  ") + "\n";
}

// What happens to each event, by a router over a state that nothing disturbs, whose last state is
// put into `dump`.
std::vector<std::vector<std::string>> Undisturbed(const StepCase& given, std::string* dump) {
  MemoryState state(0);
  TaskSteps task(&state);
  Router router(given.rule_set);
  std::vector<std::vector<std::string>> lines;
  for (const PlainEvent& event : given.events) lines.push_back(Route(given, event, &router, &task));
  EXPECT_TRUE(task.Commit(static_cast<int64_t>(given.events.size()), "rules").ok());
  *dump = support::Dump(state, given.rule_set->steps());
  return lines;
}

// Windows that close come first and in order; all else is compared as a set.
void SortRest(std::vector<std::string>* lines) {
  const auto rest = std::find_if(lines->begin(), lines->end(), [](const std::string& line) {
    return line.substr(0, 6) != "close ";
  });
  std::sort(rest, lines->end());
}

TEST(StepProperty, EventsBecomeWhatThePlainStepsSay) {
  std::map<std::string, size_t> tally;  // of lines, by their first word
  size_t full = 0;                      // events that closed as many windows as one may
  for (uint64_t seed = 0; seed < 1'000; ++seed) {
    const StepCase given = support::RandomStepCase(seed);
    std::string dump;
    std::vector<std::vector<std::string>> got = Undisturbed(given, &dump);
    PlainSteps plain(given.plain_rules, given.settings);
    for (size_t i = 0; i < given.events.size(); ++i) {
      std::vector<std::string> expected = plain.Apply(given.events[i]);
      size_t closed = 0;
      for (const std::string& line : expected) {
        const std::string word = line.substr(0, line.find(' '));
        ++tally[word];
        closed += word == "close" ? 1 : 0;
      }
      full += closed == kClosedWindowsMax ? 1 : 0;
      SortRest(&expected);
      SortRest(&got[i]);
      ASSERT_EQ(got[i], expected) << "seed " << seed << "\n"
                                  << Described(given, i, got[i], expected);
    }
  }
  for (const char* word : {"close", "out", "stop", "late", "reject", "full"}) {
    EXPECT_GT(tally[word], 1'000U) << word;
  }
  EXPECT_GT(full, 0U);
}

// So many keys in windows of so many panes that they are closed some at a time, over several
// events, while late ones still come in.
TEST(StepProperty, ManyKeysOfLongWindowsCloseOverSeveralEvents) {
  StepCase given = support::StepCaseOf(
      R"({"team": "t", "name": "r", "match": {"$kafka": {"topic": ["in"]}}, "to": "t.r", )"
      R"("steps": [{"aggregate": {"key": "k", "window": "200ms", "slide": "10ms", )"
      R"("fields": {"n": "count", "s": {"sum": "v"}, "d": {"distinct": "v"}}}}]})",
      {.partitioned_by = std::string(kOnePartition), .lateness_ms = 20});
  SeededRandom random(1);
  for (int64_t i = 0; i < 500; ++i) {
    const bool is_late = i > 400 && random.OneIn(2);
    const int64_t time_ms = (i < 400 ? i / 10 : 200 + i) - (is_late ? random.Between(0, 150) : 0);
    given.events.push_back({1'000'000 + time_ms,
                            {{"k", "\"k" + std::to_string(random.Below(350)) + "\""},
                             {"v", std::to_string(random.Between(1, 9))}}});
  }
  std::string dump;
  const auto got = Undisturbed(given, &dump);
  PlainSteps plain(given.plain_rules, given.settings);
  size_t full = 0;
  for (size_t i = 0; i < given.events.size(); ++i) {
    const std::vector<std::string> expected = plain.Apply(given.events[i]);
    ASSERT_EQ(got[i], expected) << Described(given, i, got[i], expected);
    full += got[i].size() >= kClosedWindowsMax ? 1 : 0;
  }
  EXPECT_GT(full, 5U);
}

// So many amounts in a window that they are joined by its 64ths, which leave it together.
TEST(StepProperty, SumsOfManyAmountsLeaveTheWindowInParts) {
  StepCase given = support::StepCaseOf(
      R"({"team": "t", "name": "r", "match": {"$kafka": {"topic": ["in"]}}, "to": "t.r", )"
      R"("steps": [{"threshold": {"key": "k", "sum": "v", "at_least": 1000, "within": "1s", )"
      R"("emit": "every"}}]})",
      {.partitioned_by = std::string(kOnePartition), .lateness_ms = 200});
  SeededRandom random(2);
  for (int64_t i = 0; i < 1'000; ++i) {
    given.events.push_back({1'000'000 + i * 5 - random.Between(0, 150),
                            {{"k", "\"a\""}, {"v", std::to_string(random.Between(1, 9))}}});
  }
  std::string dump;
  const auto got = Undisturbed(given, &dump);
  PlainSteps plain(given.plain_rules, given.settings);
  size_t passed = 0;
  for (size_t i = 0; i < given.events.size(); ++i) {
    ASSERT_EQ(got[i], plain.Apply(given.events[i])) << i;
    passed += got[i][0] == "out t/r" ? 1 : 0;
  }
  // Neither always nor never: what has left the window decides.
  EXPECT_GT(passed, 100U);
  EXPECT_LT(passed, 900U);
}

TEST(StepProperty, WindowsThatHaveClosedLeaveNothingBehind) {
  StepCase given = support::StepCaseOf(
      R"({"team": "t", "name": "r", "match": {"$kafka": {"topic": ["in"]}}, "to": "t.r", )"
      R"("steps": [{"aggregate": {"key": "k", "window": "30ms", "slide": "10ms", )"
      R"("fields": {"n": "count"}}}]})",
      {.partitioned_by = std::string(kOnePartition), .lateness_ms = 0});
  MemoryState state(0);
  TaskSteps task(&state);
  Router router(given.rule_set);
  for (int64_t i = 0; i < 300; ++i) {
    given.events.push_back({1'000'000 + i, {{"k", "\"k" + std::to_string(i) + "\""}}});
    Route(given, given.events.back(), &router, &task);
  }
  // Panes that a window still needs, three of ten keys, and the mark.
  EXPECT_EQ(state.pending().entries.size(), 30U + 1);
  for (int64_t i = 0; i < 20; ++i) Route(given, {2'000'000, {}}, &router, &task);
  EXPECT_EQ(state.pending().entries.size(), 1U);
}

// Takes batches of random sizes, some of which are rolled back and done once more.
// `reopen` may put another state in place of the committed one.
void ApplyInBatches(const StepCase& given, uint64_t seed,
                    const std::vector<std::vector<std::string>>& expected,
                    std::unique_ptr<state::TaskState>* state, auto reopen) {
  SeededRandom random(seed);
  auto task = std::make_unique<TaskSteps>(state->get());
  auto router = std::make_unique<Router>(given.rule_set);
  for (size_t begin = 0; begin < given.events.size();) {
    const size_t end = std::min<size_t>(begin + random.Between(1, 30), given.events.size());
    for (size_t i = begin; i < end; ++i) {
      const auto got = Route(given, given.events[i], router.get(), task.get());
      ASSERT_EQ(got, expected[i]) << "seed " << seed << "\n"
                                  << Described(given, i, got, expected[i]);
    }
    if (random.OneIn(3)) {
      task->Rollback();
      continue;
    }
    ASSERT_TRUE(task->Commit(static_cast<int64_t>(end), "rules").ok());
    begin = end;
    if (random.OneIn(4)) {
      reopen();
      task = std::make_unique<TaskSteps>(state->get());
      router = std::make_unique<Router>(given.rule_set);
    }
  }
}

TEST(StepProperty, HoweverBatchesAreCutNothingChanges) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const StepCase given = support::RandomStepCase(seed);
    std::string dump;
    const auto expected = Undisturbed(given, &dump);
    std::unique_ptr<state::TaskState> state = std::make_unique<MemoryState>(0);
    ApplyInBatches(given, seed, expected, &state, [] {});
    if (testing::Test::HasFatalFailure()) return;
    ASSERT_EQ(support::Dump(*state, given.rule_set->steps()), dump) << "seed " << seed;
  }
}

TEST(StepProperty, AStoreThatIsReopenedAnswersLikeMemory) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const StepCase given = support::RandomStepCase(seed);
    std::string dump;
    const auto expected = Undisturbed(given, &dump);
    const support::TempDirectory directory;
    const std::string path = directory.path() + "/store";
    state::StateResources resources{state::StateLimits{}};
    auto created = state::TaskStore::Create(path, &resources, 0);
    ASSERT_TRUE(created.ok());
    std::unique_ptr<state::TaskState> state = *std::move(created);
    ApplyInBatches(given, seed, expected, &state, [&] {
      state.reset();
      auto opened = state::TaskStore::Open(path, &resources);
      ASSERT_TRUE(opened.ok()) << opened.status();
      state = *std::move(opened);
    });
    if (testing::Test::HasFatalFailure()) return;
    ASSERT_EQ(support::Dump(*state, given.rule_set->steps()), dump) << "seed " << seed;
  }
}

}  // namespace
}  // namespace turnout::router

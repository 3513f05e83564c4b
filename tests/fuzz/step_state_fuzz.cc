// Fuzzes what steps read back from a task's state: the first byte chooses a step and how its entry
// is keyed, or that of what is counted of it; the rest are the entry's bytes, which nothing
// promises to have been written by it.
// Whatever they are, an event either is routed or answered with DataLoss; and what is written over
// them can be read again.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/router.h"
#include "tests/fuzz/check.h"
#include "tests/support/memory_state.h"

namespace turnout::router {
namespace {

// Pairs of an aggregate's keys begin behind the others.
constexpr std::string_view kSteps[] = {
    R"({"dedup": {"key": "k", "for": "1m"}})",
    R"({"throttle": {"key": "k", "limit": 2, "per": "1m"}})",
    R"({"threshold": {"key": "k", "count": 5, "within": "1m"}})",
    R"({"threshold": {"key": "k", "distinct": "v", "at_least": 5, "within": "1m"}})",
    R"({"threshold": {"key": "k", "sum": "v", "at_least": 5, "within": "1m"}})",
    R"({"aggregate": {"key": "k", "window": "2s", "slide": "1s", "emit": "every", "fields":
        {"n": "count", "s": {"sum": "v"}, "a": {"avg": "v"}, "d": {"distinct": "v"}}}})",
    R"({"aggregate": {"key": "k", "window": "2s", "slide": "1s", "fields":
        {"n": "count", "m": {"min": "v"}, "x": {"max": "v"}, "d": {"distinct": "v"}}}})",
};
constexpr size_t kStepsCount = std::size(kSteps);
constexpr size_t kEvery = 5;
constexpr size_t kClosing = 6;

std::shared_ptr<const RuleSet> RulesOf(std::string_view step) {
  std::string text = R"({"team": "t", "destinations": ["t"], "rules": [{"name": "r", "to": "t",)"
                     R"( "match": {"k": ["a"]}, "steps": [)";
  text.append(step).append("]}]}");
  std::vector<Problem> problems;
  std::optional<RuleFile> file = ReadRuleFile("rules.json", text, {}, &problems);
  FUZZ_CHECK(file.has_value());
  return RuleSet::Build({std::make_shared<const RuleFile>(*std::move(file))},
                        {.partitioned_by = std::string(kOnePartition), .lateness_ms = 0});
}

void Fuzz(std::string_view input) {
  static const std::vector<std::shared_ptr<const RuleSet>>* const rule_sets = [] {
    auto* const sets = new std::vector<std::shared_ptr<const RuleSet>>;
    for (const std::string_view step : kSteps) sets->push_back(RulesOf(step));
    return sets;
  }();
  if (input.empty()) return;
  const auto choice = static_cast<unsigned char>(input[0]);
  input.remove_prefix(1);
  const size_t step = choice % kStepsCount;
  const std::shared_ptr<const RuleSet>& rules = (*rule_sets)[step];
  std::string key = "a";
  if (step >= kEvery) key = std::string("p\0\0\0\0\0\0\x3\xe8", 9) + "a";  // the pane at 1,000
  if (step == kClosing && choice / kStepsCount % 3 == 1) key = "c";
  if (step == kClosing && choice / kStepsCount % 3 == 2) {
    // The input is the key itself.
    key = "p" + std::string(input);
    input = std::string_view("\1\0\0\0\0\0\0\0", 8);
  }
  support::MemoryState state(0);
  if (choice / kStepsCount % 4 == 3) {
    std::string meter_of;
    for (int shift = 56; shift >= 0; shift -= 8) {
      meter_of.push_back(static_cast<char>(rules->steps()[0] >> shift));
    }
    state.Put(state::kBookkeepingStep, meter_of, input, state::kNeverExpires);
  } else {
    state.Put(rules->steps()[0], key, input, state::kNeverExpires);
  }
  TaskSteps task(&state);
  Router router(rules);
  for (const int64_t time_ms : {1'500, 1'600, 2'500, 4'500}) {
    const Routes& routes =
        router.Route({.value = R"({"k": "a", "v": 1.5})", .timestamp_ms = time_ms}, &task);
    if (routes.state_error.ok()) continue;
    FUZZ_CHECK(routes.state_error.code() == absl::StatusCode::kDataLoss);
    return;
  }
}

}  // namespace
}  // namespace turnout::router

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  turnout::router::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}

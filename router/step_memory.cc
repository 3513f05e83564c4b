#include "router/step_memory.h"

#include <algorithm>
#include <bit>

#include "router/step_call.h"
#include "state/task_state.h"

namespace turnout::router {
namespace {

constexpr size_t kPaneKeyBytes = 1 + kStoredNumberBytes;

StepFact TimeFact(std::string_view name, int64_t time_ms) {
  return {.name = name, .kind = StepFact::Kind::kTime, .time_ms = time_ms};
}

StepFact NumberFact(std::string_view name, double number) {
  return {.name = name, .kind = StepFact::Kind::kNumber, .number = number};
}

int64_t TimeAt(std::string_view value, size_t at) {
  return static_cast<int64_t>(NumberAt(value.data() + at));
}

size_t ItemBytes(const StepPlan& step) {
  return step.measure == Measure::kCount ? kStoredNumberBytes : 2 * kStoredNumberBytes;
}

bool IsWhole(const StepPlan& step, std::string_view value) {
  switch (step.kind) {
    case StepKind::kDedup:
      return value.size() == kStoredNumberBytes;
    case StepKind::kThrottle:
      return value.size() == 2 * kStoredNumberBytes;
    case StepKind::kThreshold:
      return !value.empty() && value.size() % ItemBytes(step) == 0;
    default:
      return false;
  }
}

// A pane of an aggregate that sends with every event; others live until they are deleted.
int64_t PaneExpiry(const AggregatePlan& aggregate, std::string_view key) {
  if (!aggregate.emit_every || key.size() < kPaneKeyBytes) return state::kNeverExpires;
  uint64_t pane = 0;
  for (const char byte : key.substr(1, kStoredNumberBytes)) {
    pane = pane << 8 | static_cast<unsigned char>(byte);
  }
  return static_cast<int64_t>(pane) + 2 * aggregate.window_ms - aggregate.slide_ms;
}

void AddThrottleFacts(const StepPlan& step, std::string_view value, std::vector<StepFact>* facts) {
  const int64_t began_ms = TimeAt(value, 0);
  facts->push_back(TimeFact("span_began_at", began_ms));
  facts->push_back(TimeFact("span_ends_at", began_ms + step.span_ms));
  facts->push_back(
      NumberFact("passed", static_cast<double>(NumberAt(value.data() + kStoredNumberBytes))));
}

// Of what is still in the window once the event has moved it on.
double CountedBefore(const StepPlan& step, int64_t event_ms, std::string_view value) {
  const size_t item_bytes = ItemBytes(step);
  const int64_t newest_ms = std::max(event_ms, TimeAt(value, value.size() - item_bytes));
  double counted = 0;
  for (size_t at = 0; at < value.size(); at += item_bytes) {
    if (TimeAt(value, at) <= newest_ms - step.span_ms) continue;
    counted += step.measure == Measure::kSum
                   ? std::bit_cast<double>(NumberAt(value.data() + at + kStoredNumberBytes))
                   : 1;
  }
  return counted;
}

}  // namespace

int64_t ExpiryOf(const StepPlan& step, const AggregatePlan* aggregate, std::string_view key,
                 std::string_view value) {
  if (aggregate != nullptr) return PaneExpiry(*aggregate, key);
  if (!IsWhole(step, value)) return state::kNeverExpires;
  // A threshold's newest item is its last; what the others live by comes first.
  const size_t at = step.kind == StepKind::kThreshold ? value.size() - ItemBytes(step) : 0;
  return TimeAt(value, at) + step.span_ms;
}

std::vector<StepFact> FactsOf(const StepPlan& step, const AggregatePlan* aggregate,
                              int64_t event_ms, std::string_view value) {
  std::vector<StepFact> facts;
  const bool is_stored = value.data() != nullptr && IsWhole(step, value);
  switch (step.kind) {
    case StepKind::kDedup:
      if (!is_stored) break;
      facts.push_back(TimeFact("passed_at", TimeAt(value, 0)));
      facts.push_back(TimeFact("passes_again_at", TimeAt(value, 0) + step.span_ms));
      break;
    case StepKind::kThrottle:
      facts.push_back(NumberFact("limit", step.limit));
      if (is_stored) AddThrottleFacts(step, value, &facts);
      break;
    case StepKind::kThreshold:
      facts.push_back(NumberFact("at_least", step.at_least));
      facts.push_back(
          NumberFact("counted_before", is_stored ? CountedBefore(step, event_ms, value) : 0));
      break;
    case StepKind::kAggregate: {
      const int64_t pane_ms = event_ms - event_ms % aggregate->slide_ms;
      facts.push_back(TimeFact("first_window_ends_at", pane_ms + aggregate->slide_ms));
      facts.push_back(TimeFact("last_window_ends_at", pane_ms + aggregate->window_ms));
      break;
    }
    case StepKind::kSample:
    case StepKind::kEnrich:
      break;
  }
  return facts;
}

}  // namespace turnout::router

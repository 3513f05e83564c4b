#include "runtime/match_bench.h"

#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>
#include <memory>

#include "absl/strings/str_format.h"
#include "router/event.h"
#include "runtime/allocation_count.h"

namespace turnout::runtime {
namespace {

constexpr int64_t kWarmUpNs = 200'000'000;
constexpr int64_t kPassNsMin = 50'000'000;
constexpr int kPassesMin = 5;
// More passes than the least are taken only as far as this goes.
constexpr int64_t kPassesNsMax = 1'500'000'000;

// One event after another, as a batch comes from Kafka.
void Round(const router::Matcher& matcher, absl::Span<const std::string_view> events,
           router::Matcher::Scratch* scratch, MatchCost* cost) {
  cost->matches = 0;
  cost->errors = 0;
  for (const std::string_view event : events) {
    const absl::Status status = matcher.Match({.value = event}, scratch);
    cost->matches += scratch->matches().size();
    if (!status.ok()) ++cost->errors;
  }
}

std::string NumberOrNull(std::optional<double> number) {
  return number.has_value() ? absl::StrFormat("%.10g", std::round(*number * 1e4) / 1e4) : "null";
}

}  // namespace

int64_t ThreadCpuTimeNs() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::optional<size_t> HeapBytesInUse() {
  const struct mallinfo2 heap = mallinfo2();
  const size_t bytes = heap.uordblks + heap.hblkhd;
  if (bytes == 0) return std::nullopt;  // a sanitizer's allocator
  return bytes;
}

MatchCost MeasureMatch(const router::Matcher& matcher, absl::Span<const std::string_view> events) {
  MatchCost cost{.events = events.size()};
  const std::unique_ptr<router::Matcher::Scratch> scratch = matcher.NewScratch();
  int64_t round_ns = 0;
  const int64_t first = ThreadCpuTimeNs();
  for (int64_t begun = first; begun - first < kWarmUpNs;) {
    Round(matcher, events, scratch.get(), &cost);
    const int64_t ended = ThreadCpuTimeNs();
    round_ns = std::max<int64_t>(1, ended - begun);
    begun = ended;
  }

  const int64_t rounds = (kPassNsMin + round_ns - 1) / round_ns;
  const std::optional<uint64_t> allocations = ThreadAllocations();
  int64_t best_ns = std::numeric_limits<int64_t>::max();
  int64_t spent_ns = 0;
  int passes = 0;
  for (; passes < kPassesMin || spent_ns < kPassesNsMax; ++passes) {
    const int64_t begun = ThreadCpuTimeNs();
    for (int64_t round = 0; round < rounds; ++round) {
      Round(matcher, events, scratch.get(), &cost);
    }
    const int64_t pass_ns = ThreadCpuTimeNs() - begun;
    best_ns = std::min(best_ns, pass_ns);
    spent_ns += pass_ns;
  }
  const auto round_events = static_cast<double>(events.size());
  cost.ns_per_event = static_cast<double>(best_ns) / (static_cast<double>(rounds) * round_events);
  if (allocations.has_value()) {
    const auto taken = static_cast<double>(*ThreadAllocations() - *allocations);
    cost.allocations_per_event =
        taken / (static_cast<double>(passes) * static_cast<double>(rounds) * round_events);
  }
  return cost;
}

std::string FormatBench(const RuleSetCost& rules, const MatchCost& match) {
  return absl::StrFormat(
      "{\"rules\": %d, \"events\": %d, \"matches\": %d, \"errors\": %d, \"ns_per_event\": %.1f, "
      "\"events_per_s_core\": %.0f, \"read_ms\": %.2f, \"build_ms\": %.2f, \"bytes_per_rule\": "
      "%s, \"allocations_per_event\": %s}\n",
      rules.rules, match.events, match.matches, match.errors, match.ns_per_event,
      1e9 / match.ns_per_event, rules.read_ms, rules.build_ms, NumberOrNull(rules.bytes_per_rule),
      NumberOrNull(match.allocations_per_event));
}

}  // namespace turnout::runtime

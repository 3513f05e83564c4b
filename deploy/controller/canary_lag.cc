#include "deploy/controller/canary_lag.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_format.h"
#include "deploy/controller/conditions.h"
#include "deploy/controller/json_look.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

// Events that wait; nothing where that is not known.
std::optional<int64_t> LagIn(const PartitionFacts& one) {
  if (one.next_offset < 0 || one.end_offset < 0) return std::nullopt;
  return std::max<int64_t>(0, one.end_offset - one.next_offset);
}

// Anew where the pod has come so far, or the topic begins anew.
void Move(const PartitionFacts& one, absl::Time now, LagMark* mark) {
  if (one.next_offset < mark->next) {
    *mark = {.first = now, .first_lag = one.end_offset - one.next_offset, .since = now};
  } else if (one.next_offset >= mark->end) {
    mark->waited_before = mark->waited;
    mark->waited = absl::ZeroDuration();
    mark->since = now;
  } else {
    mark->waited = now - mark->since;
    return;
  }
  mark->next = one.next_offset;
  mark->end = one.end_offset;
}

// What is seen of a lag in less time is chance.
constexpr absl::Duration kTrendMin = absl::Seconds(30);

int64_t LookOffset(const Json& mark, std::string_view name) {
  return std::max<int64_t>(0, LookNumber(mark, {name}));
}

class Judging {
 public:
  Judging(const PartitionFacts& one, const LagMark& mark, absl::Time now)
      : one_(one), mark_(mark), now_(now), lag_(one.end_offset - one.next_offset) {}

  bool StandsStill() const {
    const bool is_rebuilt = one_.phase == "recovering" || one_.phase == "replaying";
    return !is_rebuilt && one_.next_offset == mark_.next && mark_.waited >= kStillAfter;
  }

  absl::Duration waited() const { return std::max(mark_.waited, mark_.waited_before); }

  bool IsSlow(const LagBounds& bounds) const {
    if (waited() <= bounds.lag_max) return false;
    return lag_ / kBehindTimes > bounds.behind && !IsSoonThrough();
  }

 private:
  // If what waits goes on to shrink as it did since the mark was set or, where that is new, since
  // the first one was.
  bool IsSoonThrough() const {
    const bool is_new = mark_.waited < kTrendMin;
    const int64_t shrunk = (is_new ? mark_.first_lag : mark_.end - mark_.next) - lag_;
    if (shrunk <= 0) return false;
    const absl::Duration took = now_ - (is_new ? mark_.first : mark_.since);
    return took * (static_cast<double>(lag_) / static_cast<double>(shrunk)) <= kThroughWithin;
  }

  const PartitionFacts& one_;
  const LagMark& mark_;
  const absl::Time now_;
  const int64_t lag_;
};

}  // namespace

void MarkLag(const PodFacts& canary, absl::Time now, LagMarks* marks) {
  std::set<std::string> waiting;
  for (const PartitionFacts& one : canary.partitions) {
    const std::optional<int64_t> lag = LagIn(one);
    if (!lag || *lag == 0) continue;
    const std::string key = PartitionKey(one, canary.source);
    const auto known = marks->find(key);
    if (known != marks->end()) {
      Move(one, now, &known->second);
    } else if (marks->size() < kMarksMax) {
      (*marks)[key] = {.first = now,
                       .first_lag = *lag,
                       .since = now,
                       .next = one.next_offset,
                       .end = one.end_offset};
    }
    waiting.insert(key);
  }
  std::erase_if(*marks, [&](const auto& mark) { return !waiting.contains(mark.first); });
}

int64_t MostBehind(const std::vector<const PodFacts*>& pods) {
  int64_t most = 0;
  for (const PodFacts* pod : pods) {
    for (const PartitionFacts& one : pod->partitions) most = std::max(most, LagIn(one).value_or(0));
  }
  return most;
}

std::optional<std::string> WaitsTooLong(const PodFacts& canary, absl::Time now,
                                        const LagMarks& marks, const LagBounds& bounds) {
  for (const PartitionFacts& one : canary.partitions) {
    const std::string key = PartitionKey(one, canary.source);
    const auto mark = marks.find(key);
    if (mark == marks.end()) continue;
    const Judging judging(one, mark->second, now);
    const int64_t lag = one.end_offset - one.next_offset;
    const int64_t seconds = absl::ToInt64Seconds(judging.waited());
    if (judging.StandsStill()) {
      return absl::StrFormat("%d events wait in partition %s, and none of them was routed in %d s",
                             lag, key, absl::ToInt64Seconds(mark->second.waited));
    }
    if (judging.IsSlow(bounds)) {
      return absl::StrFormat(
          "%d events wait in partition %s, some for %d s, and they don't get fewer soon; "
          "upgrade.maxLagSeconds allows %d s, and with what ran before at most %d waited in a "
          "partition",
          lag, key, seconds, absl::ToInt64Seconds(bounds.lag_max), bounds.behind);
    }
  }
  return std::nullopt;
}

LagMarks ReadLagMarks(std::string_view json) {
  const Json value = Json::parse(json, nullptr, false);
  LagMarks marks;
  if (!value.is_object()) return marks;
  for (const auto& [partition, one] : value.items()) {
    if (marks.size() == kMarksMax) break;
    marks[partition] = {.first = ReadTime(LookText(one, {"first"})),
                        .first_lag = LookOffset(one, "firstLag"),
                        .since = ReadTime(LookText(one, {"since"})),
                        .next = LookOffset(one, "next"),
                        .end = LookOffset(one, "end"),
                        .waited = absl::Seconds(LookNumber(one, {"waitedSeconds"})),
                        .waited_before = absl::Seconds(LookNumber(one, {"waitedBeforeSeconds"}))};
  }
  return marks;
}

std::string LagMarksJson(const LagMarks& marks) {
  if (marks.empty()) return "";
  Json out = Json::object();
  for (const auto& [partition, mark] : marks) {
    out[partition] = {{"first", TimeText(mark.first)},
                      {"firstLag", mark.first_lag},
                      {"since", TimeText(mark.since)},
                      {"next", mark.next},
                      {"end", mark.end},
                      {"waitedSeconds", absl::ToInt64Seconds(mark.waited)},
                      {"waitedBeforeSeconds", absl::ToInt64Seconds(mark.waited_before)}};
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace turnout::controller

#include "router/threshold.h"

#include <algorithm>

namespace turnout::router {
namespace {

using Items = std::vector<TimedItem>;

size_t ItemsMax(const StepPlan& step) {
  return step.measure == Measure::kSum ? kSumItemsMax : static_cast<size_t>(step.at_least);
}

absl::Status Decode(const StepPlan& step, std::string_view stored, Items* items) {
  const bool has_word = step.measure != Measure::kCount;
  const size_t item_bytes = has_word ? 2 * kStoredNumberBytes : kStoredNumberBytes;
  if (stored.empty() || stored.size() % item_bytes != 0) {
    return DamagedStep(StepKind::kThreshold, "its size is that of no number of items");
  }
  if (stored.size() / item_bytes > ItemsMax(step)) {
    return DamagedStep(StepKind::kThreshold, "it has more items than it can");
  }
  items->resize(stored.size() / item_bytes);
  const char* at = stored.data();
  int64_t last_ms = 0;
  for (TimedItem& item : *items) {
    item.time_ms = static_cast<int64_t>(NumberAt(at));
    item.word = has_word ? NumberAt(at + kStoredNumberBytes) : 0;
    at += item_bytes;
    if (!IsEventTime(item.time_ms) || item.time_ms < last_ms) {
      return DamagedStep(StepKind::kThreshold, "its times do not ascend");
    }
    last_ms = item.time_ms;
  }
  return absl::OkStatus();
}

void Encode(const StepPlan& step, const Items& items, std::string* bytes) {
  bytes->clear();
  for (const TimedItem& item : items) {
    AppendNumber(static_cast<uint64_t>(item.time_ms), bytes);
    if (step.measure != Measure::kCount) AppendNumber(item.word, bytes);
  }
}

double MeasureOf(const StepPlan& step, const Items& items) {
  if (step.measure != Measure::kSum) return static_cast<double>(items.size());
  double sum = 0;
  for (const TimedItem& item : items) sum += std::bit_cast<double>(item.word);
  return sum;
}

// Behind those of the same time, but values of one time are in the order of their hashes: one order
// for one set.
void Insert(const StepPlan& step, TimedItem item, Items* items) {
  const bool by_word = step.measure == Measure::kDistinct;
  const auto place =
      std::upper_bound(items->begin(), items->end(), item, [&](const auto& a, const auto& b) {
        return a.time_ms != b.time_ms ? a.time_ms < b.time_ms : by_word && a.word < b.word;
      });
  items->insert(place, item);
}

// Items of one part of the window become the newest of them, with their amounts' sum.
void JoinItems(int64_t within_ms, Items* items) {
  const auto part_of = [&](const TimedItem& item) { return item.time_ms * kSumParts / within_ms; };
  size_t kept = 0;
  for (size_t i = 1; i < items->size(); ++i) {
    TimedItem& last = (*items)[kept];
    const TimedItem& next = (*items)[i];
    if (part_of(last) == part_of(next)) {
      const double sum = std::bit_cast<double>(last.word) + std::bit_cast<double>(next.word);
      last = {next.time_ms, std::bit_cast<uint64_t>(sum)};
    } else {
      (*items)[++kept] = next;
    }
  }
  items->resize(kept + 1);
}

// The event's item among those that the window still holds.
void Count(const StepPlan& step, TimedItem item, Items* items) {
  if (step.measure == Measure::kDistinct) {
    const auto seen = std::find_if(items->begin(), items->end(),
                                   [&](const TimedItem& other) { return other.word == item.word; });
    if (seen != items->end()) {
      if (seen->time_ms >= item.time_ms) return;
      items->erase(seen);
    }
  }
  Insert(step, item, items);
}

void Bound(const StepPlan& step, Items* items) {
  if (items->size() <= ItemsMax(step)) return;
  if (step.measure == Measure::kSum) {
    JoinItems(step.span_ms, items);
  } else {
    items->erase(items->begin());
  }
}

}  // namespace

absl::StatusOr<StepVerdict> JudgeThreshold(const StepPlan& step, const StepCall& call) {
  if (call.late) return StepVerdict::kStopsLate;
  StepScratch& scratch = *call.scratch;
  Items& items = scratch.items;
  items.clear();
  const absl::StatusOr<bool> found = call.state->Get(step.id, call.key, &scratch.stored);
  if (!found.ok()) return found.status();
  std::optional<ReplacedEntry> replaced;
  if (*found) {
    const absl::Status status = Decode(step, scratch.stored, &items);
    if (!status.ok()) return status;
    replaced = {scratch.stored.size(), items.back().time_ms + step.span_ms};
  }
  const int64_t newest_ms =
      items.empty() ? call.time_ms : std::max(items.back().time_ms, call.time_ms);
  const int64_t gone_ms = newest_ms - step.span_ms;
  const auto left = std::find_if(items.begin(), items.end(),
                                 [&](const TimedItem& item) { return item.time_ms > gone_ms; });
  items.erase(items.begin(), left);
  const double before = MeasureOf(step, items);
  double after = before;
  if (call.time_ms > gone_ms) {
    Count(step, {call.time_ms, call.word}, &items);
    after = MeasureOf(step, items);
    Bound(step, &items);
    Encode(step, items, &scratch.bytes);
    if (!KeepEntry(call, call.key, scratch.bytes, newest_ms + step.span_ms, replaced)) {
      return StepVerdict::kIsFull;
    }
  }
  const bool passes = after >= step.at_least && (step.emit_every || before < step.at_least);
  return passes ? StepVerdict::kPasses : StepVerdict::kStops;
}

}  // namespace turnout::router

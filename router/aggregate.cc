#include "router/aggregate.h"

#include <algorithm>

namespace turnout::router {
namespace {

constexpr char kPaneTag = 'p';
constexpr std::string_view kMarkKey = "c";
constexpr size_t kPaneKeyBytes = 1 + kStoredNumberBytes;
constexpr size_t kPanesAtOnceMax = 1024;
constexpr char kWithin = 1;
constexpr int64_t kNoPane = kEventTimeMsMax + 1;

// Few enough that their panes take little memory, whatever they hold.
size_t KeysAtOnce(const AggregatePlan& plan) {
  const auto panes = static_cast<size_t>(plan.window_ms / plan.slide_ms);
  return std::max<size_t>(1, kPanesAtOnceMax / panes);
}

// Big endian, so that panes are in the order of time.
void SetPaneKey(int64_t pane_ms, std::string_view key, std::string* out) {
  out->assign(1, kPaneTag);
  for (int shift = 56; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(static_cast<uint64_t>(pane_ms) >> shift));
  }
  out->append(key);
}

// Nothing but such keys lies among the panes.
absl::Status ReadPaneKey(std::string_view state_key, const AggregatePlan& plan, int64_t* pane_ms) {
  uint64_t pane = 0;
  if (state_key.size() < kPaneKeyBytes) {
    return DamagedStep(StepKind::kAggregate, "its key is no pane's");
  }
  for (size_t i = 1; i < kPaneKeyBytes; ++i) {
    pane = pane << 8 | static_cast<unsigned char>(state_key[i]);
  }
  *pane_ms = static_cast<int64_t>(pane);
  if (!IsEventTime(*pane_ms) || *pane_ms % plan.slide_ms != 0) {
    return DamagedStep(StepKind::kAggregate, "its key is of a pane that can't be");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StepVerdict> Aggregate::Judge(const AggregatePlan& plan, const StepCall& call,
                                             const Matcher::Scratch& fields, std::string* record) {
  const int64_t pane_ms = call.time_ms - call.time_ms % plan.slide_ms;
  // Its last window has closed.
  if (pane_ms + plan.window_ms <= call.state->watermark_ms()) return StepVerdict::kStopsLate;

  record_.Start(plan);
  SetPaneKey(pane_ms, call.key, &state_key_);
  const absl::StatusOr<bool> found = call.state->Get(plan.id, state_key_, &stored_);
  if (!found.ok()) return found.status();
  std::optional<ReplacedEntry> replaced;
  // An event counts in the window that ends with its pane as long as any of the pane's is open; so
  // long the panes of that one are needed.
  const int64_t expires_at_ms =
      plan.emit_every ? pane_ms + 2 * plan.window_ms - plan.slide_ms : state::kNeverExpires;
  if (*found) {
    if (absl::Status status = record_.Merge(stored_); !status.ok()) return status;
    replaced = {stored_.size(), expires_at_ms};
  }
  record_.CountEvent(fields);
  bytes_.clear();
  record_.AppendTo(&bytes_);
  if (!KeepEntry(call, state_key_, bytes_, expires_at_ms, replaced)) return StepVerdict::kIsFull;
  if (!plan.emit_every) return StepVerdict::kCounts;

  if (plan.window_ms > plan.slide_ms) {
    record_.Start(plan);
    int64_t other_ms = std::max<int64_t>(pane_ms + plan.slide_ms - plan.window_ms, 0);
    for (; other_ms < pane_ms; other_ms += plan.slide_ms) {
      SetPaneKey(other_ms, call.key, &state_key_);
      const absl::StatusOr<bool> has_pane = call.state->Get(plan.id, state_key_, &stored_);
      if (!has_pane.ok()) return has_pane.status();
      if (!*has_pane) continue;
      if (absl::Status status = record_.Merge(stored_); !status.ok()) return status;
    }
    if (absl::Status status = record_.Merge(bytes_); !status.ok()) return status;
  }
  record->clear();
  record_.AppendJson(call.key, pane_ms + plan.slide_ms, record);
  return StepVerdict::kSends;
}

absl::Status Aggregate::ReadMark(const AggregatePlan& plan, state::TaskState* state) {
  mark_.end_ms = 0;
  mark_.is_within = false;
  mark_.key.clear();
  const absl::StatusOr<bool> found = state->Get(plan.id, kMarkKey, &stored_);
  if (!found.ok()) return found.status();
  if (!*found) return absl::OkStatus();
  if (stored_.size() >= kStoredNumberBytes) {
    mark_.end_ms = static_cast<int64_t>(NumberAt(stored_.data()));
    mark_.is_within = stored_.size() > kStoredNumberBytes;
  }
  const bool is_right = stored_.size() >= kStoredNumberBytes && mark_.end_ms >= 0 &&
                        mark_.end_ms <= kEventTimeMsMax + plan.window_ms &&
                        mark_.end_ms % plan.slide_ms == 0 &&
                        (!mark_.is_within || stored_[kStoredNumberBytes] == kWithin);
  if (!is_right) return DamagedStep(StepKind::kAggregate, "it marks no window's end");
  if (mark_.is_within) mark_.key.assign(stored_, kStoredNumberBytes + 1);
  return absl::OkStatus();
}

void Aggregate::WriteMark(const AggregatePlan& plan, state::TaskState* state) {
  bytes_.clear();
  AppendNumber(static_cast<uint64_t>(mark_.end_ms), &bytes_);
  if (mark_.is_within) {
    bytes_.push_back(kWithin);
    bytes_.append(mark_.key);
  }
  state->Put(plan.id, kMarkKey, bytes_, state::kNeverExpires);
}

absl::StatusOr<int64_t> Aggregate::FirstPane(const AggregatePlan& plan, state::TaskState* state,
                                             int64_t from_ms) {
  int64_t pane_ms = kNoPane;
  absl::Status read;
  SetPaneKey(std::max<int64_t>(from_ms, 0), {}, &state_key_);
  const absl::Status scanned = state->Scan(
      plan.id, state_key_, {}, [&](std::string_view state_key, std::string_view /*value*/) {
        read = ReadPaneKey(state_key, plan, &pane_ms);
        return false;
      });
  if (!scanned.ok()) return scanned;
  if (!read.ok()) return read;
  return pane_ms;
}

absl::Status Aggregate::FindPanes(const AggregatePlan& plan, state::TaskState* state,
                                  int64_t end_ms, int64_t first_pane_ms, size_t keys_max) {
  found_bytes_.Reset();
  found_.clear();
  int64_t next_ms = std::max({end_ms - plan.window_ms, first_pane_ms, int64_t{0}});
  while (next_ms < end_ms) {
    SetPaneKey(next_ms, mark_.key, &state_key_);
    // The first key behind it, in each pane by itself; else one scan goes through them all.
    if (mark_.is_within) state_key_.push_back('\0');
    next_ms = mark_.is_within ? next_ms + plan.slide_ms : end_ms;
    SetPaneKey(next_ms, {}, &end_key_);
    int64_t pane_ms = kNoPane;
    size_t keys = 0;
    absl::Status read;
    const absl::Status scanned = state->Scan(
        plan.id, state_key_, end_key_, [&](std::string_view state_key, std::string_view value) {
          const int64_t last_ms = pane_ms;
          read = ReadPaneKey(state_key, plan, &pane_ms);
          if (!read.ok()) return false;
          keys = pane_ms == last_ms ? keys + 1 : 1;
          found_.push_back({.pane_ms = pane_ms,
                            .key = found_bytes_.Join({state_key.substr(kPaneKeyBytes)}),
                            .value = found_bytes_.Join({value})});
          if (keys < keys_max) return true;
          next_ms = pane_ms + plan.slide_ms;
          return false;
        });
    if (!scanned.ok()) return scanned;
    if (!read.ok()) return read;
  }
  std::sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
    const int order = a.key.compare(b.key);
    return order != 0 ? order < 0 : a.pane_ms < b.pane_ms;
  });
  return absl::OkStatus();
}

void Aggregate::DeletePane(const AggregatePlan& plan, TaskSteps* task, const Found& pane) {
  SetPaneKey(pane.pane_ms, pane.key, &state_key_);
  task->state().Delete(plan.id, state_key_);
  task->ChangeMeter(plan.id).Remove(StateBytes(state_key_, pane.value.size()),
                                    state::kNeverExpires);
}

absl::Status Aggregate::CloseWindows(const AggregatePlan& plan, TaskSteps* task, int64_t end_ms,
                                     size_t keys_max, Arena* arena,
                                     std::vector<ClosedWindow>* closed) {
  size_t next = 0;
  for (; next < found_.size() && keys_max > 0; --keys_max) {
    const std::string_view key = found_[next].key;
    record_.Start(plan);
    for (; next < found_.size() && found_[next].key == key; ++next) {
      absl::Status status = record_.Merge(found_[next].value);
      if (!status.ok()) return status;
      if (found_[next].pane_ms + plan.window_ms == end_ms) DeletePane(plan, task, found_[next]);
    }
    bytes_.clear();
    record_.AppendJson(key, end_ms, &bytes_);
    closed->push_back({.rule = plan.rule,
                       .end_ms = end_ms,
                       .key = arena->Join({key}),
                       .value = arena->Join({bytes_})});
    mark_.key.assign(key);
  }
  mark_.end_ms = end_ms;
  mark_.is_within = next < found_.size();
  if (!mark_.is_within) mark_.key.clear();
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Aggregate::CloseDue(const AggregatePlan& plan, TaskSteps* task,
                                            size_t* left, Arena* arena,
                                            std::vector<ClosedWindow>* closed) {
  state::TaskState* const state = &task->state();
  const int64_t watermark_ms = state->watermark_ms();
  if (watermark_ms < plan.slide_ms) return plan.slide_ms;  // where the first window ends
  const int64_t due_ms = watermark_ms - watermark_ms % plan.slide_ms;
  if (absl::Status status = ReadMark(plan, state); !status.ok()) return status;
  if (!mark_.is_within && mark_.end_ms >= due_ms) return mark_.end_ms + plan.slide_ms;
  while (true) {
    // Never looks at what is closed: RocksDB has a tombstone there for each deleted pane and key.
    int64_t end_ms = mark_.end_ms;
    int64_t first_pane_ms = mark_.end_ms - plan.window_ms;
    if (!mark_.is_within) {
      const absl::StatusOr<int64_t> found = FirstPane(plan, state, first_pane_ms + plan.slide_ms);
      if (!found.ok()) return found.status();
      first_pane_ms = *found;
      // Windows without an event are passed over.
      end_ms = std::max(mark_.end_ms, first_pane_ms) + plan.slide_ms;
      if (end_ms > due_ms) break;
    }
    if (*left == 0) {
      WriteMark(plan, state);
      return end_ms;
    }
    const size_t keys_max = std::min(*left, KeysAtOnce(plan));
    const size_t before = closed->size();
    absl::Status status = FindPanes(plan, state, end_ms, first_pane_ms, keys_max + 1);
    if (status.ok()) status = CloseWindows(plan, task, end_ms, keys_max, arena, closed);
    if (!status.ok()) return status;
    *left -= closed->size() - before;
  }
  mark_.end_ms = due_ms;
  mark_.is_within = false;
  mark_.key.clear();
  WriteMark(plan, state);
  return due_ms + plan.slide_ms;
}

}  // namespace turnout::router

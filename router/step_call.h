// StepCall: what a step is asked: an event's key and time, and the state it remembers in.
//
// Each step is a function of a StepPlan and a StepCall; what it stores is described beside it. It
// puts entries by KeepEntry alone, which counts them and knows what the rule may have.
// Errors: DataLoss for stored bytes that it can't have written, and those of TaskState.
// Threads: the worker's.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "router/event_time.h"
#include "router/step_plan.h"
#include "router/task_steps.h"
#include "state/task_state.h"

namespace turnout::router {

enum class StepVerdict {
  kPasses,
  kStops,
  kStopsLate,
  kRejects,
  kIsFull,  // the rule may not keep what the event would add
  kCounts,  // in a window that is to close: nothing is sent now
  kSends,   // a record takes the event's place
};

// What a threshold remembers: a time, and an amount's bits or a value's hash.
struct TimedItem {
  int64_t time_ms = 0;
  uint64_t word = 0;
};

// Working memory of all steps; kept for its capacity.
struct StepScratch {
  std::string stored;
  std::string bytes;
  std::vector<TimedItem> items;
};

struct StepCall {
  TaskSteps* task = nullptr;
  state::TaskState* state = nullptr;  // the task's
  StepScratch* scratch = nullptr;
  int64_t time_ms = 0;  // from 0 to kEventTimeMsMax
  bool late = false;
  std::string_view key;
  uint64_t word = 0;  // a threshold's amount, as a double's bits, or hash of its value

  // The step, all of its rule, what they may keep together, and for how long an entry may live.
  const StepPlan* step = nullptr;
  absl::Span<const StepPlan> rule_steps;
  int64_t rule_bytes_max = 0;
  int64_t life_ms_max = 0;
  // All of its team, which may keep so much together; none where it may keep any.
  uint32_t team = 0;
  absl::Span<const StepPlan> team_steps;
  int64_t team_bytes_max = 0;
};

// What an entry takes in the state beside its key and value.
inline constexpr size_t kEntryBytes = 17;

inline int64_t StateBytes(std::string_view key, size_t value_bytes) {
  return static_cast<int64_t>(kEntryBytes + key.size() + value_bytes);
}

// An entry that another one takes the place of, as long as it may be seen.
struct ReplacedEntry {
  size_t value_bytes = 0;
  int64_t expires_at_ms = 0;
};

// Puts the step's entry. False, and it does not, if it makes the rule's state, or its team's, grow
// beyond what it may be. What has expired already is not put: nobody would see it. Without
// `replaced`, one that was there counts until it expires.
bool KeepEntry(const StepCall& call, std::string_view key, std::string_view value,
               int64_t expires_at_ms, const std::optional<ReplacedEntry>& replaced = std::nullopt);

// Numbers in stored bytes: 8 bytes, little endian.
inline constexpr size_t kStoredNumberBytes = 8;

inline void AppendNumber(uint64_t number, std::string* out) {
  char bytes[kStoredNumberBytes];
  for (size_t i = 0; i < kStoredNumberBytes; ++i) bytes[i] = static_cast<char>(number >> (8 * i));
  out->append(bytes, kStoredNumberBytes);
}

inline uint64_t NumberAt(const char* at) {
  uint64_t number = 0;
  for (size_t i = 0; i < kStoredNumberBytes; ++i) {
    number |= uint64_t{static_cast<unsigned char>(at[i])} << (8 * i);
  }
  return number;
}

inline bool IsEventTime(int64_t ms) { return ms >= 0 && ms <= kEventTimeMsMax; }

// "step `dedup`: its stored entry is damaged: ...".
absl::Status DamagedStep(StepKind kind, std::string_view what);

}  // namespace turnout::router

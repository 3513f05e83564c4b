// StepCall: what a step is asked: an event's key and time, and the state it remembers in.
//
// Each step is a function of a StepPlan and a StepCall; what it stores is described beside it.
// Errors: DataLoss for stored bytes that it can't have written, and those of TaskState.
// Threads: the worker's.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "router/event_time.h"
#include "router/step_plan.h"
#include "state/task_state.h"

namespace turnout::router {

enum class StepVerdict {
  kPasses,
  kStops,
  kStopsLate,
  kRejects,
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
  state::TaskState* state = nullptr;
  StepScratch* scratch = nullptr;
  int64_t time_ms = 0;  // from 0 to kEventTimeMsMax
  bool late = false;
  std::string_view key;
  uint64_t word = 0;  // a threshold's amount, as a double's bits, or hash of its value
};

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

// The bytes of keys and values in a task's RocksDB.
//
// Format 2: the point lies under one key of its own; an entry under tag, step and key, so that a
// step's entries lie together in the order of their keys. Format 1 had no timeline in its point,
// and is read as well.
//
//   key    0x00 "point"                       value  version, offsets, watermark, names
//   key    0x01, step (8 bytes, big endian), key      value  expires_at_ms (8 bytes), value
//
// The names are the timeline, after a byte with its length, and the rule set's hash. Numbers are
// little endian but for the step. Errors: DataLoss for bytes that are none of these.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "state/task_state.h"

namespace turnout::state {

inline constexpr int kStateFormat = 2;
inline constexpr std::string_view kPointKey("\0point", 6);
inline constexpr size_t kStepPrefixBytes = 9;
inline constexpr size_t kExpiryBytes = 8;

struct EntryKey {
  StepId step = 0;
  std::string_view key;
};

struct EntryValue {
  int64_t expires_at_ms = 0;
  std::string_view value;

  bool IsSeenAt(int64_t watermark_ms) const { return expires_at_ms > watermark_ms; }
};

// Into `out`, whose memory is used again.
void EncodeKey(StepId step, std::string_view key, std::string* out);
// Writes kExpiryBytes and as many as the value has.
void EncodeValue(std::string_view value, int64_t expires_at_ms, char* out);

// The first key of the step, and the first beyond all of its keys.
std::string StepBegin(StepId step);
std::string StepEnd(StepId step);

// Views of the argument. Nothing if it is no entry's.
std::optional<EntryKey> DecodeKey(std::string_view key);
std::optional<EntryValue> DecodeValue(std::string_view value);

std::string EncodePoint(const StatePoint& point);
absl::StatusOr<StatePoint> DecodePoint(std::string_view bytes);

}  // namespace turnout::state

// StateMeter: what a step's entries in one task take, known without a look at them.
//
// Entries are counted in slots by the time that they expire at; a slot counts as long as one in it
// may be seen. So an entry counts from when it is put until it is replaced or deleted, or a slot's
// length, at most, after it has expired; a slot is a 14th of the longest that an entry can live.
// What never expires is counted by itself. The meter depends on what was put and on the watermark
// of each of these times, and on nothing else.
//
// Format: a slot's length, the first one's number, what never expires, the slots, the first one
// first. 8 bytes a number, little endian.
// Units: milliseconds of event time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace turnout::router {

struct StateSize {
  int64_t bytes = 0;
  int64_t entries = 0;

  void Add(const StateSize& other) {
    bytes += other.bytes;
    entries += other.entries;
  }
  bool operator==(const StateSize&) const = default;
};

class StateMeter {
 public:
  // An entry is put. None of the step's lives longer than `life_ms_max` from the watermark on.
  void Add(int64_t bytes, int64_t expires_at_ms, int64_t watermark_ms, int64_t life_ms_max);
  // One that was added, and has not expired, is there no more.
  void Remove(int64_t bytes, int64_t expires_at_ms);

  StateSize SizeAt(int64_t watermark_ms) const;

  void AppendTo(std::string* out) const;
  // Nothing for bytes that no meter has.
  static std::optional<StateMeter> Read(std::string_view bytes);

 private:
  static constexpr int64_t kSlots = 16;

  StateSize& Slot(int64_t number) { return slots_[static_cast<size_t>(number % kSlots)]; }
  const StateSize& Slot(int64_t number) const {
    return slots_[static_cast<size_t>(number % kSlots)];
  }
  int64_t NumberOf(int64_t time_ms) const { return time_ms <= 0 ? 0 : time_ms / slot_ms_; }
  // Slots that have expired are free.
  void MoveTo(int64_t watermark_ms);
  void MakeSlotsOf(int64_t slot_ms);

  int64_t slot_ms_ = 1;
  int64_t first_ = 0;  // number of the first slot; slot n has what expires from n * slot_ms_ on
  StateSize unending_;
  std::array<StateSize, kSlots> slots_;
};

}  // namespace turnout::router

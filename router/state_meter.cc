#include "router/state_meter.h"

#include <algorithm>

#include "router/event_time.h"
#include "router/step_call.h"
#include "state/task_state.h"

namespace turnout::router {
namespace {

// More than any disk holds, and few enough to be added up.
constexpr int64_t kSizeMax = int64_t{1} << 50;
constexpr int64_t kSlotMsMax = kEventTimeMsMax;

}  // namespace

void StateMeter::MoveTo(int64_t watermark_ms) {
  const int64_t first = NumberOf(watermark_ms);
  for (int64_t n = first_; n < std::min(first, first_ + kSlots); ++n) Slot(n) = {};
  first_ = std::max(first_, first);
}

// Longer ones: what was counted counts no shorter. Shorter ones only while all are empty.
void StateMeter::MakeSlotsOf(int64_t slot_ms) {
  const bool is_empty = std::all_of(slots_.begin(), slots_.end(),
                                    [](const StateSize& slot) { return slot == StateSize{}; });
  if (slot_ms < slot_ms_ && !is_empty) return;
  const StateMeter old = *this;
  slots_ = {};
  slot_ms_ = slot_ms;
  first_ = NumberOf(old.first_ * old.slot_ms_);
  if (is_empty) return;
  for (int64_t n = old.first_; n < old.first_ + kSlots; ++n) {
    Slot(NumberOf((n + 1) * old.slot_ms_ - 1)).Add(old.Slot(n));
  }
}

void StateMeter::Add(int64_t bytes, int64_t expires_at_ms, int64_t watermark_ms,
                     int64_t life_ms_max) {
  if (expires_at_ms == state::kNeverExpires) return unending_.Add({bytes, 1});
  MoveTo(watermark_ms);
  // The watermark lies somewhere in the first slot, and the longest life ends somewhere in the
  // last.
  const int64_t slot_ms = std::max<int64_t>(1, (life_ms_max + kSlots - 3) / (kSlots - 2));
  if (slot_ms != slot_ms_) {
    MakeSlotsOf(slot_ms);
    MoveTo(watermark_ms);
  }
  const int64_t last = first_ + kSlots - 1;
  Slot(std::clamp(NumberOf(expires_at_ms), first_, last)).Add({bytes, 1});
}

void StateMeter::Remove(int64_t bytes, int64_t expires_at_ms) {
  const auto take = [bytes](StateSize* from) {
    if (from->bytes < bytes || from->entries < 1) return false;
    from->Add({-bytes, -1});
    return true;
  };
  if (expires_at_ms == state::kNeverExpires) {
    take(&unending_);
    return;
  }
  // In a later one where slots have become longer since. What was never counted is not there.
  for (int64_t n = std::max(NumberOf(expires_at_ms), first_); n < first_ + kSlots; ++n) {
    if (take(&Slot(n))) return;
  }
}

StateSize StateMeter::SizeAt(int64_t watermark_ms) const {
  StateSize size = unending_;
  for (int64_t n = std::max(NumberOf(watermark_ms), first_); n < first_ + kSlots; ++n) {
    size.Add(Slot(n));
  }
  return size;
}

void StateMeter::AppendTo(std::string* out) const {
  const auto append = [out](int64_t number) { AppendNumber(static_cast<uint64_t>(number), out); };
  append(slot_ms_);
  append(first_);
  append(unending_.bytes);
  append(unending_.entries);
  for (int64_t n = first_; n < first_ + kSlots; ++n) {
    append(Slot(n).bytes);
    append(Slot(n).entries);
  }
}

std::optional<StateMeter> StateMeter::Read(std::string_view bytes) {
  if (bytes.size() != (4 + 2 * kSlots) * kStoredNumberBytes) return std::nullopt;
  const char* at = bytes.data();
  const auto next = [&at] {
    const auto number = static_cast<int64_t>(NumberAt(at));
    at += kStoredNumberBytes;
    return number;
  };
  const auto read_size = [&next](StateSize* size) {
    size->bytes = next();
    size->entries = next();
    return size->bytes >= 0 && size->bytes <= kSizeMax && size->entries >= 0 &&
           size->entries <= kSizeMax;
  };
  StateMeter meter;
  meter.slot_ms_ = next();
  meter.first_ = next();
  bool is_right = meter.slot_ms_ >= 1 && meter.slot_ms_ <= kSlotMsMax && meter.first_ >= 0 &&
                  meter.first_ <= kEventTimeMsMax / meter.slot_ms_ && read_size(&meter.unending_);
  for (int64_t n = meter.first_; is_right && n < meter.first_ + kSlots; ++n) {
    is_right = read_size(&meter.Slot(n));
  }
  if (!is_right) return std::nullopt;
  return meter;
}

}  // namespace turnout::router

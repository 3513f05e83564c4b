#include "state/parking_ledger.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace turnout::state {
namespace {

// A lane without its name: an id of 12 digits, a partition of 4, a head and a tail of 10, an offset
// of 12, and what stands between them.
constexpr size_t kLaneNumbersBytesMax = 54;
constexpr size_t kIdBytesMax = 12;
constexpr size_t kSharedBytesMax = kSharedLanes * (2 + kLaneNumbersBytesMax);

// FNV-1a: the same in every version and on every machine.
std::string SharedNameOf(std::string_view destination) {
  uint32_t hash = 2166136261;
  for (const char c : destination) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619;
  return absl::StrCat("#", hash % kSharedLanes);
}

template <typename Number>
bool ReadHex(absl::string_view text, Number* number) {
  uint64_t read = 0;
  if (!absl::SimpleHexAtoi(text, &read)) return false;
  *number = static_cast<Number>(read);
  return *number >= 0;
}

absl::Status Damaged() {
  return absl::InvalidArgumentError("the list of what is parked is damaged");
}

bool ReadLane(absl::string_view text, ParkingLane* lane) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  if (parts.size() != 6 || parts[0].empty()) return false;
  lane->name = std::string(parts[0]);
  const bool has_offset = parts[5] != "-";
  return ReadHex(parts[1], &lane->id) && ReadHex(parts[2], &lane->partition) &&
         ReadHex(parts[3], &lane->head) && ReadHex(parts[4], &lane->tail) &&
         (!has_offset || ReadHex(parts[5], &lane->offset)) && lane->head <= lane->tail;
}

}  // namespace

ParkingLane* ParkingLedger::LaneOf(std::string_view destination) {
  if (lanes_.empty()) return nullptr;
  const auto named = [&](std::string_view name) {
    return std::find_if(lanes_.begin(), lanes_.end(),
                        [&](const ParkingLane& lane) { return lane.name == name; });
  };
  auto found = named(destination);
  if (found == lanes_.end()) found = named(SharedNameOf(destination));
  return found == lanes_.end() ? nullptr : &*found;
}

ParkingLane* ParkingLedger::Find(int64_t id) {
  const auto found = std::find_if(lanes_.begin(), lanes_.end(),
                                  [id](const ParkingLane& lane) { return lane.id == id; });
  return found == lanes_.end() ? nullptr : &*found;
}

bool ParkingLedger::HasRoomFor(std::string_view name) const {
  size_t bytes = kIdBytesMax + kSharedBytesMax + name.size() + kLaneNumbersBytesMax;
  for (const ParkingLane& lane : lanes_) {
    if (!lane.is_shared()) bytes += lane.name.size() + kLaneNumbersBytesMax;
  }
  return bytes <= kParkingLedgerBytesMax;
}

ParkingLane* ParkingLedger::Open(std::string_view destination, int64_t now_ms, int32_t partition) {
  last_id_ = std::max(now_ms, last_id_ + 1);
  std::string name =
      HasRoomFor(destination) ? std::string(destination) : SharedNameOf(destination);
  return &lanes_.emplace_back(
      ParkingLane{.name = std::move(name), .id = last_id_, .partition = partition});
}

void ParkingLedger::Close(int64_t id) {
  std::erase_if(lanes_, [id](const ParkingLane& lane) { return lane.id == id; });
}

std::string ParkingLedger::Encode() const {
  if (last_id_ == 0) return "";
  std::string text = absl::StrCat(absl::Hex(last_id_));
  for (const ParkingLane& lane : lanes_) {
    absl::StrAppend(&text, ";", lane.name, ":", absl::Hex(lane.id), ":");
    absl::StrAppend(&text, absl::Hex(lane.partition), ":", absl::Hex(lane.head), ":",
                    absl::Hex(lane.tail), ":");
    if (lane.offset < 0) {
      text += '-';
    } else {
      absl::StrAppend(&text, absl::Hex(lane.offset));
    }
  }
  return text;
}

absl::StatusOr<ParkingLedger> ParkingLedger::Decode(std::string_view text) {
  ParkingLedger ledger;
  if (text.empty()) return ledger;
  const std::vector<absl::string_view> parts =
      absl::StrSplit(absl::string_view(text.data(), text.size()), ';');
  if (!ReadHex(parts.front(), &ledger.last_id_)) return Damaged();
  for (size_t i = 1; i < parts.size(); ++i) {
    if (!ReadLane(parts[i], &ledger.lanes_.emplace_back())) return Damaged();
  }
  return ledger;
}

}  // namespace turnout::state

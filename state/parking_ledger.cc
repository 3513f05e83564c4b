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
constexpr size_t kFilterBytes = 1 + 32;
constexpr size_t kSharedBytesMax = kSharedLanes * (2 + kLaneNumbersBytesMax + kFilterBytes);
constexpr uint32_t kFilterBits = 128;

// FNV-1a: the same in every version and on every machine.
uint32_t HashOf(std::string_view text, uint32_t seed = 2166136261) {
  uint32_t hash = seed;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619;
  return hash;
}

std::string SharedNameOf(std::string_view destination) {
  return absl::StrCat("#", HashOf(destination) % kSharedLanes);
}

// Two bits of the filter, by hashes that have nothing to do with the lane's.
std::array<uint32_t, 2> BitsOf(std::string_view destination) {
  const uint32_t hash = HashOf(destination, 0x9e3779b9) * 2654435769u;
  return {(hash >> 8) % kFilterBits, (hash >> 20) % kFilterBits};
}

bool ReadFilter(absl::string_view text, DestinationFilter* filter) {
  std::array<uint64_t, 2> bits{};
  if (text.size() != 32 || !absl::SimpleHexAtoi(text.substr(0, 16), &bits[0]) ||
      !absl::SimpleHexAtoi(text.substr(16), &bits[1])) {
    return false;
  }
  *filter = DestinationFilter(bits);
  return true;
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
  if (parts.size() < 6 || parts.size() > 7 || parts[0].empty()) return false;
  lane->name = std::string(parts[0]);
  if (lane->is_shared()) lane->destinations = DestinationFilter::OfAll();
  if (parts.size() == 7 && !ReadFilter(parts[6], &lane->destinations)) return false;
  const bool has_offset = parts[5] != "-";
  return ReadHex(parts[1], &lane->id) && ReadHex(parts[2], &lane->partition) &&
         ReadHex(parts[3], &lane->head) && ReadHex(parts[4], &lane->tail) &&
         (!has_offset || ReadHex(parts[5], &lane->offset)) && lane->head <= lane->tail;
}

}  // namespace

void DestinationFilter::Add(std::string_view destination) {
  for (const uint32_t bit : BitsOf(destination)) bits_[bit / 64] |= uint64_t{1} << bit % 64;
}

bool DestinationFilter::MayHave(std::string_view destination) const {
  for (const uint32_t bit : BitsOf(destination)) {
    if ((bits_[bit / 64] >> bit % 64 & 1) == 0) return false;
  }
  return true;
}

ParkingLane* ParkingLedger::Named(std::string_view name) {
  const auto found = std::find_if(lanes_.begin(), lanes_.end(),
                                  [&](const ParkingLane& lane) { return lane.name == name; });
  return found == lanes_.end() ? nullptr : &*found;
}

ParkingLane* ParkingLedger::LaneOf(std::string_view destination) {
  if (lanes_.empty()) return nullptr;
  if (ParkingLane* const own = Named(destination)) return own;
  ParkingLane* const shared = Named(SharedNameOf(destination));
  return shared != nullptr && shared->destinations.MayHave(destination) ? shared : nullptr;
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
  const bool has_own = HasRoomFor(destination);
  std::string name = has_own ? std::string(destination) : SharedNameOf(destination);
  ParkingLane* lane = has_own ? nullptr : Named(name);
  if (lane == nullptr) {
    last_id_ = std::max(now_ms, last_id_ + 1);
    lane = &lanes_.emplace_back(
        ParkingLane{.name = std::move(name), .id = last_id_, .partition = partition});
  }
  if (!has_own) lane->destinations.Add(destination);
  return lane;
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
    if (!lane.is_shared()) continue;
    text += ':';
    for (const uint64_t bits : lane.destinations.bits()) {
      absl::StrAppend(&text, absl::Hex(bits, absl::kZeroPad16));
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

// ParkingLedger: which destinations a task's outputs are parked for, and what of it waits.
//
// An output whose destination is unwell goes to the parking topic, and from then on all outputs of
// the task for that destination do, until those before them have been drained: so order is kept.
// The ledger says for which this is so. It travels with the task in its commit note and changes in
// the transaction that parks or drains, so a crash, a move and a redo find it as the log is.
//
// A lane is a queue of numbered records in one partition of the parking topic. Mostly it is one
// destination's. The note has room for a bounded ledger, so unwell destinations beyond some ten
// share kSharedLanes lanes, by their names: what is behind one waits with it, and none is lost. Who
// is in a shared lane its filter says, so that a well destination is drawn in by chance only: one
// in a thousand of them where twenty share the lanes.
//
//   head            tail
//    v               v
//   [3][4][5][6][7]  8     records 3 to 7 wait; the next one to be parked is 8
//
// Format: `<last id>[;<name>:<id>:<partition>:<head>:<tail>:<offset>[:<filter>]]...`, numbers in
// hexadecimal, `-` for an offset that is not known, a filter where the lane is shared; empty where
// nothing was ever parked. Earlier versions wrote no filters: such a lane is everybody's.
// Errors: InvalidArgument for text that isn't a ledger.
// Threads: a value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace turnout::state {

inline constexpr size_t kParkingLedgerBytesMax = 1'400;
inline constexpr int kSharedLanes = 8;

// Which destinations are in a shared lane: all that were added, and some others by chance.
class DestinationFilter {
 public:
  static DestinationFilter OfAll() { return DestinationFilter({~uint64_t{0}, ~uint64_t{0}}); }

  DestinationFilter() = default;
  explicit DestinationFilter(std::array<uint64_t, 2> bits) : bits_(bits) {}

  void Add(std::string_view destination);
  bool MayHave(std::string_view destination) const;

  const std::array<uint64_t, 2>& bits() const { return bits_; }
  bool operator==(const DestinationFilter&) const = default;

 private:
  std::array<uint64_t, 2> bits_{};
};

struct ParkingLane {
  std::string name;       // the destination, or "#<n>" of a shared lane
  int64_t id = 0;         // in its task; no earlier than the time when it was opened, in ms
  int32_t partition = 0;  // of the parking topic
  int64_t head = 0;       // the first record that was not drained
  int64_t tail = 0;       // the next one to be parked
  int64_t offset = -1;    // where `head` is at the earliest; -1: found by the time
  DestinationFilter destinations = {};  // of a shared lane

  bool is_shared() const { return name.front() == '#'; }
  int64_t waiting() const { return tail - head; }
  bool operator==(const ParkingLane&) const = default;
};

class ParkingLedger {
 public:
  const std::vector<ParkingLane>& lanes() const { return lanes_; }
  bool empty() const { return lanes_.empty(); }

  // The lane that outputs for this destination have to go to; null: none, they may go there.
  // Lifetime: of a lane, until the next Open or Close.
  ParkingLane* LaneOf(std::string_view destination);
  ParkingLane* Find(int64_t id);
  // A lane for a destination that has none: its own while there is room, else a shared one, which
  // may be there already.
  ParkingLane* Open(std::string_view destination, int64_t now_ms, int32_t partition);
  void Close(int64_t id);

  std::string Encode() const;
  static absl::StatusOr<ParkingLedger> Decode(std::string_view text);

  bool operator==(const ParkingLedger&) const = default;

 private:
  bool HasRoomFor(std::string_view name) const;
  ParkingLane* Named(std::string_view name);

  int64_t last_id_ = 0;  // ids are not used again
  std::vector<ParkingLane> lanes_;
};

}  // namespace turnout::state

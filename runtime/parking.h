// Parking: the way into the parking topic. An output whose destination is unwell is put there, in
// the lane that the ledger of its task has for it, in the open transaction.
//
// Of a lane that is being drained the last records parked are kept in memory too, so that the last
// ones, which can't be read before their transaction has committed, need not be: without that a
// lane whose destination gets a record in every transaction would never be through.
//
// Limits: kTailBytesMax of a lane are kept in memory; where more are parked than that while one
// transaction commits, the lane is drained from the topic until less are.
// Errors: Unavailable where a lane is open and the parking topic can't be written: the transaction
//   must be redone.
// Threads: one worker's own.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/record.h"
#include "connectors/sink.h"
#include "runtime/clock.h"
#include "runtime/destinations.h"
#include "state/parking_ledger.h"

namespace turnout::runtime {

inline constexpr size_t kTailBytesMax = 1 << 20;

// A lane among those of all tasks.
struct LaneKey {
  int32_t partition = 0;  // the task's
  int64_t lane = 0;
  auto operator<=>(const LaneKey&) const = default;
};

// A parked record that owns its bytes.
class KeptRecord {
 public:
  explicit KeptRecord(const connectors::OutputRecord& record);
  // As the parking topic will give it. Lifetime: this, and `headers`.
  connectors::Event View(std::vector<connectors::Header>* headers) const;
  size_t bytes() const { return bytes_; }

 private:
  using Bytes = std::optional<std::string>;
  int64_t timestamp_ms_;
  Bytes key_;
  Bytes value_;
  std::vector<std::pair<std::string, Bytes>> headers_;
  size_t bytes_ = 0;
};

class Parking {
 public:
  // In `topic`, for this consumer group. All pointers are borrowed.
  Parking(std::string topic, std::string group, connectors::Sink* sink, Destinations* destinations,
          Clock* clock)
      : topic_(std::move(topic)),
        group_(std::move(group)),
        sink_(sink),
        destinations_(destinations),
        clock_(clock) {}

  // What is parked from now on is of the task of this partition.
  void UseTask(int32_t partition, state::ParkingLedger* ledger) {
    partition_ = partition;
    ledger_ = ledger;
  }

  // Whether outputs for it wait already, so that others have to wait behind them.
  bool Holds(std::string_view destination) const {
    return ledger_ != nullptr && ledger_->LaneOf(destination) != nullptr;
  }

  // Puts the output into the lane of its destination, which is opened if there is none, with these
  // headers behind its own. False: the parking topic can't take it, and nothing has happened.
  absl::StatusOr<bool> Park(const connectors::OutputRecord& output,
                            absl::Span<const connectors::Header> why);

  // From now on the last records of this lane are kept; no longer; those of no lane.
  void KeepTail(const LaneKey& key) { tails_.try_emplace(key); }
  void DropTail(const LaneKey& key) { tails_.erase(key); }
  void DropTails() { tails_.clear(); }
  // The record of that number, if it was kept. Lifetime: until the next Park or Drop.
  const KeptRecord* InTail(const LaneKey& key, int64_t tail, int64_t number) const;
  // Those before `head` are not wanted any more.
  void Drained(const LaneKey& key, int64_t tail, int64_t head);

 private:
  struct Tail {
    std::deque<KeptRecord> records;  // the last ones of the lane, without gaps
    size_t bytes = 0;
  };

  void Keep(const state::ParkingLane& lane, const connectors::OutputRecord& record);

  const std::string topic_;
  const std::string group_;
  connectors::Sink* const sink_;
  Destinations* const destinations_;
  Clock* const clock_;

  int32_t partition_ = 0;
  state::ParkingLedger* ledger_ = nullptr;
  std::map<LaneKey, Tail> tails_;

  // Working memory of one record.
  std::vector<connectors::Header> headers_;
  std::string place_;
};

}  // namespace turnout::runtime

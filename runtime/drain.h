// Drain: the way out of the parking topic. What was parked for a destination that is well again is
// sent there in the order of its lane, in transactions that carry the lane's progress in the note
// of its task, until nothing waits; then the lane is closed and the next output goes there itself.
//
// It runs at the beginning of a transaction, before the events: what a lane's last record opens the
// way for comes behind it. All lanes of one partition of the parking topic that can be drained are
// drained in one reading of it; one whose destination falls ill again, or whose team has no budget
// left, is left out for so long.
//
// Limits: kDrainRecordsMax records and kDrainBytesMax bytes a transaction, so that events wait for
//   a few milliseconds at most.
// Errors: those of the sink: the transaction must be redone.
// Threads: one worker's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "connectors/partition_reader.h"
#include "runtime/destinations.h"
#include "runtime/dispatcher.h"
#include "runtime/parked_record.h"
#include "runtime/parking.h"
#include "runtime/task_set.h"
#include "runtime/team_budgets.h"

namespace turnout::runtime {

inline constexpr int kDrainRecordsMax = 500;
inline constexpr size_t kDrainBytesMax = 512 << 10;

class Drain {
 public:
  // Lanes are those of this consumer group. All pointers are borrowed.
  Drain(std::string group, Parking* parking, Destinations* destinations, Dispatcher* dispatcher,
        TaskSet* tasks, TeamBudgets* budgets, connectors::PartitionReader* reader)
      : group_(std::move(group)),
        parking_(parking),
        destinations_(destinations),
        dispatcher_(dispatcher),
        tasks_(tasks),
        budgets_(budgets),
        reader_(reader) {}

  // Something can be sent now. Cheap while nothing is parked.
  bool IsReady();
  // Something is looked for.
  bool is_reading() const { return !members_.empty(); }

  // Sends what can be sent, of tasks that `touch` has made part of the transaction before.
  absl::Status Run(absl::FunctionRef<absl::Status(Task* task)> touch);

  // The transaction came to nothing, or tasks have come or gone: begin again from their ledgers.
  void Reset();

  // Whether outputs for it wait in any lane.
  bool IsParked(std::string_view destination) const;

  // Records that were parked and are in the parking topic no more.
  int64_t lost() const { return lost_; }

  std::vector<BulkheadStatus> Bulkheads() const;

 private:
  // A lane that could be drained, and where it is.
  struct Candidate {
    int32_t partition = 0;  // of the parking topic
    int64_t offset = -1;
  };
  using Candidates = std::map<LaneKey, Candidate>;
  // What a lane's next record waits for.
  struct Block {
    std::string destination;
    std::string team;  // that has no budget; empty: the destination is unwell
  };

  Candidates FindCandidates();
  bool IsOpen(const LaneKey& key, const state::ParkingLane& lane);
  void Follow(const Candidates& candidates);
  void Seek(const Candidates& candidates, int32_t partition);
  void StopReading();
  state::ParkingLane* LaneAt(const LaneKey& key, Task** task);
  const KeptRecord* NextInTail(const LaneKey& key);
  // Whether `batch_` begins with a record that is somebody's turn.
  bool FindNext();
  absl::StatusOr<bool> SendNext(const LaneKey& key,
                                absl::FunctionRef<absl::Status(Task* task)> touch);

  const std::string group_;
  Parking* const parking_;
  Destinations* const destinations_;
  Dispatcher* const dispatcher_;
  TaskSet* const tasks_;
  TeamBudgets* const budgets_;
  connectors::PartitionReader* const reader_;

  int32_t partition_ = -1;     // that is read
  std::set<LaneKey> members_;  // whose records are looked for in it, from where they were
  std::map<LaneKey, Block> blocked_;
  absl::Span<const connectors::Event> batch_;  // read, and not used yet
  ParkedRecord next_;                          // the first of them, decoded
  std::vector<connectors::Header> headers_;
  int64_t lost_ = 0;
};

}  // namespace turnout::runtime

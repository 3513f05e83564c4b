// Drain: the way out of the parking topic. What was parked for a destination that is well again is
// sent there in the order of its lane, in transactions that carry the lane's progress in the note
// of its task, until nothing waits; then the lane is closed and the next output goes there itself.
//
// It runs at the beginning of a transaction, before the events: what a lane's last record opens the
// way for comes behind it. All lanes of one partition of the parking topic that can be drained are
// drained in one reading of it; one whose destination falls ill again, or whose team has no budget
// left, is left out for so long. The reading goes back for one that can be drained again once it
// has sent more than it has passed over, or is through: else those far behind would never come.
//
// What a lane waits for and the log has no more, read from its beginning to its end, is counted as
// lost, and the lane goes on behind it. A record that the brokers refuse again and again for what
// is in it is tried alone, then made a dead letter.
//
// Limits: kDrainRecordsMax records and kDrainBytesMax bytes a transaction, and kPassedOverMax
//   records of others that are passed over, so that events wait for a few milliseconds at most.
// Errors: those of the sink: the transaction must be redone.
// Threads: one worker's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "connectors/partition_reader.h"
#include "runtime/clock.h"
#include "runtime/destinations.h"
#include "runtime/dispatcher.h"
#include "runtime/parked_record.h"
#include "runtime/parking.h"
#include "runtime/task_set.h"
#include "runtime/team_budgets.h"

namespace turnout::runtime {

inline constexpr int kDrainRecordsMax = 500;
inline constexpr size_t kDrainBytesMax = 512 << 10;
inline constexpr int kPassedOverMax = 5'000;

class Drain {
 public:
  // Lanes are those of this consumer group; a record is refused so many times at most before it is
  // given up, 0: any. All pointers are borrowed.
  Drain(std::string group, int tries_max, Clock* clock, Parking* parking,
        Destinations* destinations, Dispatcher* dispatcher, TaskSet* tasks, TeamBudgets* budgets,
        connectors::PartitionReader* reader)
      : group_(std::move(group)),
        tries_max_(tries_max),
        clock_(clock),
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
  // A transaction has committed.
  void Committed();
  // The transaction came to nothing since this topic takes something of it from nobody. Before
  // Reset.
  void Refused(std::string_view topic);

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
  // A lane whose records are looked for.
  struct Member {
    int64_t tail = 0;  // what lies before it was committed before the search began
  };
  // Of a lane of which something was refused: each record by itself, until it is behind that.
  struct Trial {
    bool is_refused = true;  // what was sent last
    int64_t number = -1;     // the first record of that
    int64_t times = 0;
    int64_t until = 0;  // from this number on they are sent together again
  };

  Candidates FindCandidates();
  bool IsOpen(const LaneKey& key, const state::ParkingLane& lane);
  void Follow(const Candidates& candidates);
  bool MayGoBack() const;
  void Seek(const Candidates& candidates, int32_t partition);
  void Read(int64_t offset, int64_t since_ms);
  void StopReading();
  state::ParkingLane* LaneAt(const LaneKey& key, Task** task) const;
  const state::ParkingLane* CommittedLane(const LaneKey& key) const;
  const KeptRecord* NextInTail(const LaneKey& key) const;
  // Whether `batch_` begins with a record that is somebody's turn.
  bool FindNext();
  bool IsInTail() const;
  // Whether something is waited for that is not there any more.
  bool IsGone();
  absl::Status PassOverGone(absl::FunctionRef<absl::Status(Task* task)> touch);
  absl::StatusOr<bool> SendNext(const LaneKey& key,
                                absl::FunctionRef<absl::Status(Task* task)> touch);
  absl::Status Deliver(const LaneKey& key);
  void Took(const LaneKey& key, Task* task, state::ParkingLane* lane, int64_t head);

  const std::string group_;
  const int tries_max_;
  Clock* const clock_;
  Parking* const parking_;
  Destinations* const destinations_;
  Dispatcher* const dispatcher_;
  TaskSet* const tasks_;
  TeamBudgets* const budgets_;
  connectors::PartitionReader* const reader_;

  int32_t partition_ = -1;             // that is read
  bool is_from_start_ = false;         // of the log
  std::map<LaneKey, Member> members_;  // whose records are looked for in it, from where they were
  int64_t sent_ = 0;                   // since that search began
  int64_t passed_over_ = 0;            // the same
  std::map<LaneKey, Block> blocked_;
  std::map<LaneKey, std::string> sent_to_;  // the last record of the lane, since Reset
  std::map<LaneKey, Trial> trials_;
  absl::Span<const connectors::Event> batch_;  // read, and not used yet
  ParkedRecord next_;                          // the first of them, decoded
  std::vector<connectors::Header> headers_;
  int64_t lost_ = 0;
  int64_t lost_unless_aborted_ = 0;
};

}  // namespace turnout::runtime

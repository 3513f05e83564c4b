// MemoryGroup: a consumer group of one topic as its coordinator keeps it: members, generations,
// cooperative rebalancing, committed offsets, and offsets that wait for their transaction's marker.
//
// A rebalance takes two rounds where partitions move: in the first the old owner is told to give
// them up, and rejoins when it has; in the second they are given to the new one. A round completes
// when every member has joined; those that don't in time are thrown out. Heartbeats are those of
// the member's process: while it runs it sends them, while it is suspended or dead it doesn't.
//
// Errors: Aborted from transactional commits, FailedPrecondition from others, of a member or
//   generation that is no longer current. Unavailable while a transaction holds a partition's
//   offset open.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/record.h"
#include "tests/support/fault_points.h"
#include "tests/support/simulated_clock.h"

namespace turnout::support {

struct MemoryGroupOptions {
  absl::Duration session_timeout = absl::Seconds(10);
  absl::Duration rebalance_timeout = absl::Seconds(20);
  absl::Duration poll_interval_max = absl::Minutes(5);
  size_t note_bytes_max = 4096;
  // False: a fetch answers with what was committed last, whatever transaction is still open. A
  // broker asked without require_stable does so; here to show that the checks notice.
  bool require_stable = true;
};

class MemoryGroup {
 public:
  // What a heartbeat answers.
  enum class Standing {
    kStable,    // nothing to do
    kMustJoin,  // a rebalance has begun
    kWaiting,   // joined; others have not yet
    kMustSync,  // the round is complete: take the assignment
    kUnknown,   // not, or no longer, a member
  };
  struct Assignment {
    int32_t generation = -1;
    std::set<int32_t> partitions;
  };

  MemoryGroup(std::string id, int32_t partitions, MemoryGroupOptions options,
              SimulatedClock* clock);

  // A member (empty id: a new one) takes part in the round, still owning these. Returns its id.
  std::string Join(const std::string& member, const SimulatedProcess* process,
                   const std::set<int32_t>& owned);
  Standing Heartbeat(const std::string& member);
  Assignment Sync(const std::string& member);
  void Leave(const std::string& member);

  absl::Status Commit(absl::Span<const connectors::SourceOffset> offsets,
                      const connectors::GroupMetadata& metadata);
  // Pending until Resolve. A member of no name and no generation is not checked, as in Kafka.
  absl::Status CommitInTransaction(int64_t producer_id,
                                   absl::Span<const connectors::SourceOffset> offsets,
                                   const connectors::GroupMetadata& metadata);
  void Resolve(int64_t producer_id, bool commit);
  absl::StatusOr<connectors::SourceOffset> Fetch(int32_t partition) const;
  // -1: nothing committed. Looks past transactions that are open.
  int64_t CommittedOffset(int32_t partition) const;

  // Throws out who has fallen silent; called whenever time has passed.
  void Settle();

  // Told of every offset that is committed, with the one that was before it (-1: none).
  using OnCommitted = std::function<void(int64_t before, const connectors::SourceOffset& now)>;
  void SetOnCommitted(OnCommitted on_committed) { on_committed_ = std::move(on_committed); }
  // As somebody does with an administrator's tool; nobody may be in the group.
  void SetBack(const connectors::SourceOffset& to) {
    committed_[to.partition] = {to, next_sequence_++};
  }

  size_t members() const { return members_.size(); }
  bool has_pending_offsets() const { return !pending_.empty(); }
  std::string Describe() const;

 private:
  struct Member {
    const SimulatedProcess* process = nullptr;
    absl::Time last_heartbeat;
    absl::Time last_poll;
    bool joined = false;
    int32_t synced_generation = -1;
    std::set<int32_t> owned;     // as it said when it joined
    std::set<int32_t> assigned;  // in the current generation
  };
  struct Stored {
    connectors::SourceOffset offset;
    int64_t sequence = 0;  // when it was appended to the offsets' log
  };

  absl::Status CheckMember(const connectors::GroupMetadata& metadata) const;
  absl::Status CheckNotes(absl::Span<const connectors::SourceOffset> offsets) const;
  void Store(const Stored& stored);
  void Prepare();
  void CompleteIfAllJoined();
  void Assign();

  const std::string id_;
  const int32_t partitions_;
  const MemoryGroupOptions options_;
  SimulatedClock* const clock_;
  OnCommitted on_committed_;

  int32_t generation_ = 0;
  bool preparing_ = false;
  absl::Time prepare_began_;
  std::map<std::string, Member> members_;
  int64_t next_member_ = 1;
  int64_t next_sequence_ = 1;
  std::map<int32_t, Stored> committed_;
  std::map<int64_t, std::map<int32_t, Stored>> pending_;  // by producer
};

}  // namespace turnout::support

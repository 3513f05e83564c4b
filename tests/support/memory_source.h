// MemorySource: the Source over MemoryLog: one member of a consumer group, cooperative,
// read-committed.
//
// What a Poll finds is a part of what is there, chosen by the log's seed, partitions mixed. The
// bytes of its events are copies that end with the next Poll, so that whoever keeps them too long
// reads freed memory.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "connectors/source.h"
#include "tests/support/fault_points.h"
#include "tests/support/memory_log.h"

namespace turnout::support {

struct MemorySourceOptions {
  std::string topic;
  std::string group_id;
  bool start_at_earliest = true;
  int poll_events_max = 8;
};

class MemorySource : public connectors::Source {
 public:
  MemorySource(MemorySourceOptions options, MemoryLog* log, FaultPoints* points,
               SimulatedProcess* process);

  absl::StatusOr<absl::Span<const connectors::Event>> Poll(
      absl::Duration max_wait, connectors::AssignmentListener& listener) override;
  absl::StatusOr<absl::Span<const connectors::Event>> TakeMore() override;
  absl::Status Rewind(absl::Span<const connectors::SourceOffset> to) override;
  absl::Status Hold(absl::Span<const int32_t> partitions) override;
  absl::StatusOr<int64_t> BeginOffset(int32_t partition) override;
  absl::Status Commit(absl::Span<const connectors::SourceOffset> offsets) override;
  connectors::GroupMetadata group_metadata() const override;
  int64_t EndOffset(int32_t partition) const override;
  absl::Status Rejoin(connectors::AssignmentListener& listener) override;
  void Close(connectors::AssignmentListener& listener, absl::Duration timeout) override;

 private:
  // A partition that the group has given us.
  struct Owned {
    bool started = false;  // the committed offset is known and the listener was told
    bool held = false;
    int64_t start = -1;  // where reading began
    int64_t position = -1;
  };

  MemoryGroup* group() { return log_->Group(options_.group_id, options_.topic); }
  void FollowGroup(connectors::AssignmentListener& listener);
  void TakeAssignment(connectors::AssignmentListener& listener);
  absl::Status Start(connectors::AssignmentListener& listener);
  void LoseAll(connectors::AssignmentListener& listener);
  std::set<int32_t> OwnedPartitions() const;
  std::vector<int32_t> StartedPartitions() const;
  std::map<int32_t, int64_t> Fetch();
  void Drop();
  void Advance(const std::map<int32_t, int64_t>& positions);
  void Expose();

  const MemorySourceOptions options_;
  MemoryLog* const log_;
  FaultPoints* const points_;
  SimulatedProcess* const process_;

  std::string member_;  // empty: not in the group
  int32_t generation_ = -1;
  std::map<int32_t, Owned> owned_;
  std::map<int32_t, int64_t> end_offsets_;

  // The last Poll's events and what they point into.
  std::vector<std::pair<int32_t, MemoryRecord>> taken_;
  std::vector<std::vector<connectors::Header>> headers_;
  std::vector<connectors::Event> events_;
};

}  // namespace turnout::support

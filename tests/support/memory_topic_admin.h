// MemoryTopicAdmin: the TopicAdmin over MemoryLog.
#pragma once

#include <string>
#include <vector>

#include "connectors/topic_admin.h"
#include "tests/support/fault_points.h"
#include "tests/support/memory_log.h"

namespace turnout::support {

class MemoryTopicAdmin : public connectors::TopicAdmin {
 public:
  MemoryTopicAdmin(MemoryLog* log, FaultPoints* points, SimulatedProcess* process)
      : log_(log), points_(points), process_(process) {}

  absl::StatusOr<std::vector<connectors::TopicDescription>> Describe(
      absl::Span<const std::string> topics, bool may_write, absl::Duration timeout) override;
  absl::StatusOr<std::vector<std::string>> List(absl::Duration timeout) override;
  absl::Status Create(absl::Span<const connectors::NewTopic> topics,
                      absl::Duration timeout) override;

 private:
  MemoryLog* const log_;
  FaultPoints* const points_;
  SimulatedProcess* const process_;
};

}  // namespace turnout::support

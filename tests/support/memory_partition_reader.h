// MemoryPartitionReader: the PartitionReader over MemoryLog. What is there comes when chance lets
// it, as from a thread that is sometimes late.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "connectors/partition_reader.h"
#include "tests/support/fault_points.h"
#include "tests/support/memory_log.h"

namespace turnout::support {

class MemoryPartitionReader : public connectors::PartitionReader {
 public:
  MemoryPartitionReader(std::string topic, MemoryLog* log, FaultPoints* points,
                        SimulatedProcess* process)
      : topic_(std::move(topic)), log_(log), points_(points), process_(process) {}

  void Seek(int32_t partition, int64_t offset, int64_t since_ms) override;
  void Stop() override { partition_ = -1; }
  absl::Span<const connectors::Event> Take() override;
  bool is_at_end() const override;
  std::string trouble() const override { return {}; }

  // A deliberate bug: the first record of each Seek is left out.
  void SkipFirst() { skips_first_ = true; }

 private:
  const std::string topic_;
  MemoryLog* const log_;
  FaultPoints* const points_;
  SimulatedProcess* const process_;
  bool skips_first_ = false;

  int32_t partition_ = -1;
  int64_t next_ = 0;
  bool skips_ = false;
  std::vector<MemoryRecord> taken_;
  std::vector<std::vector<connectors::Header>> headers_;
  std::vector<connectors::Event> events_;
};

}  // namespace turnout::support

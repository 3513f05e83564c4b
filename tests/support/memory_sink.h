// MemorySink: the Sink over MemoryLog, shaped like a Kafka producer: Produce buffers, records go
// out by and by in order, what the brokers refuse is told later, and Commit is three requests (the
// rest of the records, the offsets, the end), each of which may be the one that fails.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "connectors/sink.h"
#include "tests/support/fault_points.h"
#include "tests/support/memory_log.h"

namespace turnout::support {

struct MemorySinkOptions {
  connectors::Delivery delivery = connectors::Delivery::kExactlyOnce;
  std::string transactional_id;
  absl::Duration transaction_timeout = absl::Seconds(60);
  std::string source_topic;  // of the group whose offsets are committed
};

class MemorySink : public connectors::Sink {
 public:
  MemorySink(MemorySinkOptions options, MemoryLog* log, FaultPoints* points,
             SimulatedProcess* process);

  absl::Status Open() override;
  absl::Status Begin() override;
  absl::Status Produce(const connectors::OutputRecord& record) override;
  absl::Status Commit(absl::Span<const connectors::SourceOffset> offsets,
                      const connectors::GroupMetadata& group) override;
  absl::Status Abort() override;
  std::vector<connectors::DestinationFailure> FailuresOfTransaction() override;
  void Close(absl::Duration timeout) override;

 private:
  bool transactional() const { return options_.delivery == connectors::Delivery::kExactlyOnce; }
  void Forget();
  absl::Status Flush();
  absl::Status Send(const std::string& topic, const MemoryRecord& record);
  absl::Status SendOffsets(absl::Span<const connectors::SourceOffset> offsets,
                           const connectors::GroupMetadata& group);
  absl::Status End(bool commit);
  absl::Status Remember(const absl::Status& status);

  const MemorySinkOptions options_;
  MemoryLog* const log_;
  FaultPoints* const points_;
  SimulatedProcess* const process_;

  // OK, Aborted until Abort, or FailedPrecondition or Internal until Open.
  absl::Status condition_ = absl::FailedPreconditionError("the sink has not been opened");
  ProducerEpoch producer_;
  bool open_ = false;  // between Begin and the end
  bool on_broker_ = false;  // the coordinator may know of the transaction
  bool offsets_sent_ = false;
  std::vector<std::pair<std::string, MemoryRecord>> records_;
  size_t sent_ = 0;  // of records_
  std::vector<connectors::DestinationFailure> failures_;
};

}  // namespace turnout::support

// MemorySink: the Sink over MemoryLog, shaped like a Kafka producer: Produce buffers, records go
// out by and by in order, what the brokers refuse is told later, and Commit is three requests (the
// rest of the records, the offsets, the end), each of which may be the one that fails. With several
// transactional ids, those of BatchSink, transactions take turns on them and overlap.
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
  bool overlaps = false;  // ids take turns
  absl::Duration transaction_timeout = absl::Seconds(60);
  std::string source_topic;  // of the group whose offsets are committed

  // Deliberate bugs of transactions that overlap.
  bool fences_first_only = false;
  bool abort_spares_next = false;
  bool next_ends_first = false;
};

class MemorySink : public connectors::Sink {
 public:
  MemorySink(MemorySinkOptions options, MemoryLog* log, FaultPoints* points,
             SimulatedProcess* process);

  absl::Status Open() override;
  absl::Status Begin() override;
  absl::Status Produce(const connectors::OutputRecord& record) override;
  bool may_overlap() const override { return options_.overlaps; }
  void StartCommit(absl::Span<const connectors::SourceOffset> offsets,
                   const connectors::GroupMetadata& group) override;
  absl::Status Commit(absl::Span<const connectors::SourceOffset> offsets,
                      const connectors::GroupMetadata& group) override;
  absl::Status Abort() override;
  std::vector<connectors::DestinationFailure> FailuresOfTransaction() override;
  void Close(absl::Duration timeout) override;

 private:
  // A transactional id, and its transaction if it has one.
  struct Session {
    std::string id;
    ProducerEpoch producer;
    bool on_broker = false;  // the coordinator may know of the transaction
    bool offsets_sent = false;
    std::vector<std::pair<std::string, MemoryRecord>> records;
    size_t sent = 0;  // of records
    absl::Status aborted;  // why it can only be aborted
    std::vector<connectors::DestinationFailure> failures;

    void Forget();
  };

  bool transactional() const { return options_.delivery == connectors::Delivery::kExactlyOnce; }
  bool is_under_way() const { return open_ != nullptr || ending_ != nullptr; }
  void Forget();
  absl::Status Flush(Session& session);
  absl::Status Send(Session& session, const std::string& topic, const MemoryRecord& record);
  absl::Status SendOffsets(Session& session, absl::Span<const connectors::SourceOffset> offsets,
                           const connectors::GroupMetadata& group);
  absl::Status End(Session& session, bool commit);
  // What came of a call for the session; what makes it or the producer useless is kept.
  absl::Status Remember(Session& session, const absl::Status& status);
  absl::Status ConditionOf(const Session& session) const;

  const MemorySinkOptions options_;
  MemoryLog* const log_;
  FaultPoints* const points_;
  SimulatedProcess* const process_;

  // OK, or FailedPrecondition or Internal until Open.
  absl::Status condition_ = absl::FailedPreconditionError("the sink has not been opened");
  std::vector<Session> sessions_;
  size_t turn_ = 0;  // whose the next transaction is
  Session* open_ = nullptr;
  Session* ending_ = nullptr;  // its commit was started
  std::vector<connectors::DestinationFailure> failures_;  // of the last that answered Aborted
};

}  // namespace turnout::support

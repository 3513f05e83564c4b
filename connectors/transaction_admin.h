// TransactionAdmin: the cluster's transactions as an administrator sees them, and how one that
// hangs is ended.
//
// A transaction is open for its coordinator, which ends it after its timeout; and for each
// partition that it has written to, which holds readers back at its first record until the
// coordinator's marker comes. One hangs where a partition waits for a marker that no coordinator
// will send. Two ways to end one: as the new owner of its transactional id (Fence), which the
// coordinator then tells all partitions; or by writing the marker into one partition oneself.
//
// Needs brokers from Kafka 3.0 on. Errors: Unavailable - no answer within the time: call again.
//   InvalidArgument - something is not granted; the message says what. NotFound - there is no such
//   transaction. Unimplemented - the brokers are too old, or security that only librdkafka has.
// Threads: one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/admin_call.h"
#include "connectors/cluster_client.h"
#include "connectors/kafka_client.h"
#include "connectors/transaction_admin_protocol.h"

namespace turnout::connectors {

// As its coordinator knows it.
struct KnownTransaction {
  std::string id;
  std::string state;  // Ongoing, PrepareCommit, Empty, ...
  int64_t producer = -1;
  int16_t epoch = -1;
  int32_t timeout_ms = 0;
  int64_t start_ms = -1;  // of the one that is open, or was last; -1: there was none
  std::vector<TopicPartition> partitions;
};

// What holds readers of a partition back.
struct OpenInPartition {
  TopicPartition of;
  int64_t start_offset = -1;
  int64_t producer = -1;
  int32_t epoch = -1;
  int32_t coordinator_epoch = -1;
};

class TransactionAdmin {
 public:
  // Talks to nobody yet.
  static absl::StatusOr<std::unique_ptr<TransactionAdmin>> Make(const KafkaClientOptions& options);

  // All of the cluster, by their ids. Ids that may not be described are left out by the brokers.
  absl::StatusOr<std::vector<KnownTransaction>> List(absl::Duration within);

  // What is open in any partition of these topics.
  absl::StatusOr<std::vector<OpenInPartition>> FindOpen(absl::Span<const std::string> topics,
                                                        absl::Duration within);

  // Takes the id over: its transaction is aborted, and whoever had it can't go on with it.
  absl::Status Fence(const std::string& id, absl::Duration within);

  // The marker that is not coming. Right only where no coordinator has the transaction any more.
  absl::Status AbortInPartition(const OpenInPartition& open, absl::Duration within);

 private:
  explicit TransactionAdmin(std::unique_ptr<ClusterClient> cluster)
      : cluster_(std::move(cluster)) {}

  // One request to the broker that `find` finds, until it is answered.
  absl::StatusOr<Answer> Ask(const FindBroker& find, Api api, const WriteBody& write,
                             absl::Time deadline);
  absl::StatusOr<std::vector<int32_t>> Brokers(absl::Time deadline);
  absl::StatusOr<std::vector<TopicPartition>> Partitions(absl::Span<const std::string> topics,
                                                         absl::Time deadline);
  absl::StatusOr<BrokerConnection*> Leader(const TopicPartition& partition);
  absl::Status Describe(KnownTransaction* transaction, absl::Time deadline);
  absl::Status FindOpenAt(int32_t leader, absl::Span<const TopicPartition> partitions,
                          absl::Time deadline, std::vector<OpenInPartition>* open);

  const std::unique_ptr<ClusterClient> cluster_;
};

}  // namespace turnout::connectors

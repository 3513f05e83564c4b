// What an administrator asks about transactions: ListTransactions, DescribeTransactions and
// DescribeProducers (version 0 each, Kafka 3.0 on), WriteTxnMarkers (version 1).
//
// Internal to connectors/.
// Errors: Unavailable when an answer can't be read. What a broker refuses is in error codes.
// Lifetime: answers own what they hold.
// Units: times are milliseconds since the Unix epoch; -1 where there is none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace turnout::connectors {

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;

  bool operator==(const TopicPartition&) const = default;
};

// Of one coordinator: all that it knows, whatever their states.
struct ListTransactionsAnswer {
  struct Transaction {
    std::string id;
    int64_t producer = -1;
    std::string state;
  };
  int16_t error_code = 0;
  std::vector<Transaction> transactions;
};
void WriteListTransactions(std::string* out);
absl::StatusOr<ListTransactionsAnswer> ReadListTransactions(std::string_view body);

struct DescribeTransactionAnswer {
  int16_t error_code = 0;
  std::string state;
  int32_t timeout_ms = 0;
  int64_t start_ms = -1;
  int64_t producer = -1;
  int16_t epoch = -1;
  std::vector<TopicPartition> partitions;
};
// Of one id.
void WriteDescribeTransaction(std::string_view id, std::string* out);
absl::StatusOr<DescribeTransactionAnswer> ReadDescribeTransaction(std::string_view body);

// Of the producers that a partition's leader remembers.
struct DescribeProducersAnswer {
  struct Producer {
    int64_t id = -1;
    int32_t epoch = -1;
    int64_t last_timestamp_ms = -1;
    int32_t coordinator_epoch = -1;
    int64_t transaction_start = -1;  // offset of its open transaction's first record; -1: none
  };
  struct Partition {
    TopicPartition of;
    int16_t error_code = 0;
    std::string error_message;
    std::vector<Producer> producers;
  };
  std::vector<Partition> partitions;
};
void WriteDescribeProducers(absl::Span<const TopicPartition> partitions, std::string* out);
absl::StatusOr<DescribeProducersAnswer> ReadDescribeProducers(std::string_view body);

// The end of one producer's transaction in one partition, as its coordinator would write it.
struct TransactionMarker {
  TopicPartition of;
  int64_t producer = -1;
  int16_t epoch = -1;
  int32_t coordinator_epoch = 0;
};
void WriteAbortMarker(const TransactionMarker& marker, std::string* out);
// The partition's error code.
absl::StatusOr<int16_t> ReadAbortMarker(std::string_view body);

}  // namespace turnout::connectors

// The requests of a transaction but the produce itself: InitProducerId (versions 3 to 5),
// AddPartitionsToTxn (3), AddOffsetsToTxn (3, 4), TxnOffsetCommit (3 to 5), EndTxn (3 to 5).
//
// Internal to connectors/.
// Errors: Unavailable when an answer can't be read. What a broker refuses is in error codes.
// Lifetime: answers own what they hold; requests borrow until they are written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/record.h"

namespace turnout::connectors {

// Who a producer is. A higher epoch of the same id fences all lower ones.
struct ProducerIdentity {
  int64_t id = -1;
  int16_t epoch = -1;
};
inline bool operator==(const ProducerIdentity& a, const ProducerIdentity& b) {
  return a.id == b.id && a.epoch == b.epoch;
}

// An answer that is no more than this; also InitProducerId's, and EndTxn's from version 5 on.
struct ProducerAnswer {
  int32_t throttle_ms = 0;
  int16_t error_code = 0;
  ProducerIdentity producer;  // with which to go on, where the broker tells
};

// `transactional_id` that is empty: an idempotent producer without transactions. `current`: who
// we are already, if we are; a producer that was fenced meanwhile is refused.
void WriteInitProducerId(std::string_view transactional_id, int32_t transaction_timeout_ms,
                         ProducerIdentity current, std::string* out);
absl::StatusOr<ProducerAnswer> ReadInitProducerId(std::string_view body);

void WriteEndTxn(std::string_view transactional_id, ProducerIdentity producer, bool commit,
                 std::string* out);
absl::StatusOr<ProducerAnswer> ReadEndTxn(int16_t version, std::string_view body);

void WriteAddOffsetsToTxn(std::string_view transactional_id, ProducerIdentity producer,
                          std::string_view group, std::string* out);
absl::StatusOr<ProducerAnswer> ReadAddOffsetsToTxn(std::string_view body);

struct TopicPartitions {
  std::string_view topic;
  std::vector<int32_t> partitions;
};
struct PartitionError {
  std::string topic;
  int32_t partition = 0;
  int16_t error_code = 0;
};
// Answers to requests about partitions: those that failed only.
struct PartitionsAnswer {
  int32_t throttle_ms = 0;
  std::vector<PartitionError> failed;
};

void WriteAddPartitionsToTxn(std::string_view transactional_id, ProducerIdentity producer,
                             absl::Span<const TopicPartitions> topics, std::string* out);
absl::StatusOr<PartitionsAnswer> ReadAddPartitionsToTxn(std::string_view body);

void WriteTxnOffsetCommit(std::string_view transactional_id, ProducerIdentity producer,
                          const GroupMetadata& group, std::string_view topic,
                          absl::Span<const SourceOffset> offsets, std::string* out);
absl::StatusOr<PartitionsAnswer> ReadTxnOffsetCommit(std::string_view body);

}  // namespace turnout::connectors

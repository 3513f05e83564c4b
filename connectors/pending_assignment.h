// PendingAssignment: partitions that the group has assigned to a consumer and whose committed
// offsets are not known yet: no broker answers, or a transaction with newer ones is still open.
// They wait; nothing is ever read from a guess.
//
// Internal to connectors/. Threads: one.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/kafka_offsets.h"

namespace turnout::connectors {

class PendingAssignment {
 public:
  explicit PendingAssignment(std::string topic) : topic_(std::move(topic)) {}

  bool empty() const { return partitions_ == nullptr; }
  // While something is pending nobody should wait longer for anything else.
  static absl::Duration ask_again_after();

  void Begin(PartitionList partitions);
  void Remove(int32_t partition);
  void Clear() { partitions_.reset(); }

  // The partitions with their committed offsets and notes, once the brokers say them; until then
  // null, without asking more often than ask_again_after. A second at most. InvalidArgument: they
  // will never say.
  absl::StatusOr<PartitionList> Take(rd_kafka_s* client, const std::string& doing);

  // What is waited for, once that has lasted for seconds; else empty.
  std::string WaitsFor() const;

 private:
  const std::string topic_;
  PartitionList partitions_;
  absl::Time since_ = absl::InfiniteFuture();
  absl::Time ask_at_ = absl::InfinitePast();
  std::string problem_;
};

}  // namespace turnout::connectors

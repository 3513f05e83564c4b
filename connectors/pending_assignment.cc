#include "connectors/pending_assignment.h"

#include <librdkafka/rdkafka.h>

#include <utility>

#include "absl/strings/str_format.h"
#include "connectors/kafka_errors.h"
#include "connectors/steady_clock.h"

namespace turnout::connectors {
namespace {

constexpr int kCommittedTimeoutMs = 1'000;
constexpr absl::Duration kAskAgainAfter = absl::Milliseconds(100);
// A commit under way ends in less.
constexpr absl::Duration kWaitUntold = absl::Seconds(5);

rd_kafka_resp_err_t ReadCommitted(rd_kafka_t* client, rd_kafka_topic_partition_list_t* partitions) {
  if (partitions->cnt == 0) return RD_KAFKA_RESP_ERR_NO_ERROR;
  rd_kafka_resp_err_t code = rd_kafka_committed(client, partitions, kCommittedTimeoutMs);
  for (int i = 0; i < partitions->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    code = partitions->elems[i].err;
  }
  return code;
}

}  // namespace

absl::Duration PendingAssignment::ask_again_after() { return kAskAgainAfter; }

void PendingAssignment::Begin(PartitionList partitions) {
  partitions_ = std::move(partitions);
  since_ = SteadyNow();
  ask_at_ = absl::InfinitePast();
}

void PendingAssignment::Remove(int32_t partition) {
  if (!empty()) rd_kafka_topic_partition_list_del(partitions_.get(), topic_.c_str(), partition);
}

absl::StatusOr<PartitionList> PendingAssignment::Take(rd_kafka_s* client,
                                                      const std::string& doing) {
  if (empty() || SteadyNow() < ask_at_) return PartitionList();
  const rd_kafka_resp_err_t code = ReadCommitted(client, partitions_.get());
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return std::move(partitions_);
  ask_at_ = SteadyNow() + kAskAgainAfter;
  problem_ = rd_kafka_err2str(code);
  absl::Status status = StatusOfKafkaCode(code, doing + ": committed offsets");
  if (absl::IsInvalidArgument(status)) return status;
  return PartitionList();
}

std::string PendingAssignment::WaitsFor() const {
  if (empty() || SteadyNow() - since_ < kWaitUntold) return "";
  return absl::StrFormat(
      "%d partitions of %s wait for their committed offsets (%s): a transaction that has newer "
      "ones is open; a dead router's ends after limits.transaction_timeout, one that hangs by "
      "turnout txn abort",
      partitions_->cnt, topic_, problem_);
}

}  // namespace turnout::connectors

#include "connectors/group_offsets.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <utility>

#include "connectors/kafka_errors.h"
#include "connectors/kafka_offsets.h"

namespace turnout::connectors {

absl::StatusOr<std::unique_ptr<GroupOffsets>> GroupOffsets::Make(
    const GroupOffsetsOptions& options) {
  KafkaHandleSetup setup;
  setup.role = KafkaRole::kConsumer;
  setup.client = options.client;
  setup.settings = {
      {"group.id", options.group},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      // Decides whether rd_kafka_committed waits out open transactions (require_stable).
      {"isolation.level",
       options.waits_for_open_transactions ? "read_committed" : "read_uncommitted"},
      {"allow.auto.create.topics", "false"},
  };
  absl::StatusOr<std::unique_ptr<KafkaHandle>> client = KafkaHandle::Make(std::move(setup));
  if (!client.ok()) return client.status();
  std::unique_ptr<GroupOffsets> offsets(new GroupOffsets(options));
  offsets->client_ = *std::move(client);
  rd_kafka_poll_set_consumer(offsets->client_->get());
  return offsets;
}

absl::StatusOr<std::vector<SourceOffset>> GroupOffsets::Read(absl::Span<const int32_t> partitions,
                                                             absl::Duration within) {
  std::vector<SourceOffset> asked;
  for (const int32_t partition : partitions) asked.push_back({partition, -1, {}});
  if (asked.empty()) return asked;
  const PartitionList list = MakePartitionList(client_->get(), options_.topic, asked);
  const int64_t timeout_ms = std::clamp<int64_t>(absl::ToInt64Milliseconds(within), 1, 60'000);
  rd_kafka_resp_err_t code =
      rd_kafka_committed(client_->get(), list.get(), static_cast<int>(timeout_ms));
  for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    code = list->elems[i].err;
  }
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return StatusOfKafkaCode(code, doing_ + ": committed offsets");
  }
  return OffsetsOf(*list);
}

absl::Status GroupOffsets::Set(absl::Span<const SourceOffset> offsets) {
  return CommitOffsets(client_->get(), options_.topic, offsets, doing_ + ": setting offsets");
}

}  // namespace turnout::connectors

#include "connectors/topic_offsets.h"

#include <librdkafka/rdkafka.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "connectors/kafka_errors.h"
#include "connectors/kafka_offsets.h"

namespace turnout::connectors {
namespace {

int TimeoutMs(absl::Duration within) { return static_cast<int>(absl::ToInt64Milliseconds(within)); }

}  // namespace

absl::StatusOr<int32_t> CountPartitions(rd_kafka_t* client, rd_kafka_topic_t* topic,
                                        const std::string& doing, absl::Duration within) {
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, topic, &metadata, TimeoutMs(within));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::UnavailableError(
        absl::StrCat(doing, ": no broker answers: ", rd_kafka_err2str(code)));
  }
  int32_t count = 0;
  code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  if (metadata->topic_cnt == 1) {
    code = metadata->topics[0].err;
    count = metadata->topics[0].partition_cnt;
  }
  rd_kafka_metadata_destroy(metadata);
  if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    return absl::NotFoundError(absl::StrCat(doing, " doesn't exist"));
  }
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOfKafkaCode(code, doing);
  return count;
}

absl::StatusOr<std::map<int32_t, int64_t>> OffsetsAtTime(rd_kafka_t* client,
                                                         const std::string& topic,
                                                         int32_t partitions, int64_t timestamp_ms,
                                                         const std::string& doing,
                                                         absl::Duration within) {
  std::vector<SourceOffset> asked;
  for (int32_t i = 0; i < partitions; ++i) asked.push_back({i, timestamp_ms, {}});
  const PartitionList list = MakePartitionList(client, topic, asked);
  const rd_kafka_resp_err_t code =
      rd_kafka_offsets_for_times(client, list.get(), TimeoutMs(within));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOfKafkaCode(code, doing);
  std::map<int32_t, int64_t> offsets;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& answer = list->elems[i];
    if (answer.err != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOfKafkaCode(answer.err, doing);
    offsets[answer.partition] = answer.offset;
  }
  return offsets;
}

}  // namespace turnout::connectors

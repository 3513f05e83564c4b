#include "connectors/produce_protocol.h"

#include "connectors/kafka_api.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

constexpr int16_t kAllReplicas = -1;

void WritePartition(const ProduceBatch& batch, RequestFrame* frame) {
  WireWriter writer(frame->own());
  writer.Int32(batch.partition);
  writer.UnsignedVarint(static_cast<uint32_t>(batch.record_batch.size()) + 1);
  frame->Borrow(batch.record_batch);
  writer.NoTags();
}

ProduceAnswer::Partition ReadPartition(std::string_view topic, WireReader& reader) {
  ProduceAnswer::Partition partition;
  partition.topic = topic;
  partition.index = reader.Int32();
  partition.error_code = reader.Int16();
  partition.base_offset = reader.Int64();
  reader.Int64();  // append time
  reader.Int64();  // beginning of the log
  const size_t record_errors = reader.ArraySize(6);
  std::string_view first_record_error;
  for (size_t i = 0; i < record_errors && reader.ok(); ++i) {
    reader.Int32();  // which record
    const std::string_view message = reader.NullableString();
    if (i == 0) first_record_error = message;
    reader.SkipTags();
  }
  partition.error_message = reader.NullableString();
  if (partition.error_message.empty()) partition.error_message = first_record_error;
  reader.SkipTags();
  return partition;
}

}  // namespace

void WriteProduce(std::string_view transactional_id, int32_t timeout_ms,
                  absl::Span<const ProduceBatch> batches, RequestFrame* frame) {
  WireWriter writer(frame->own());
  writer.NullableString(transactional_id);
  writer.Int16(kAllReplicas);
  writer.Int32(timeout_ms);
  size_t topics = 0;
  for (size_t i = 0; i < batches.size(); ++i) {
    if (i == 0 || batches[i].topic != batches[i - 1].topic) ++topics;
  }
  writer.ArraySize(topics);
  for (size_t begin = 0; begin < batches.size();) {
    size_t end = begin;
    while (end < batches.size() && batches[end].topic == batches[begin].topic) ++end;
    writer.String(batches[begin].topic);
    writer.ArraySize(end - begin);
    for (; begin < end; ++begin) WritePartition(batches[begin], frame);
    writer.NoTags();
  }
  writer.NoTags();
}

absl::StatusOr<ProduceAnswer> ReadProduce(std::string_view body) {
  WireReader reader(body);
  ProduceAnswer answer;
  const size_t topics = reader.ArraySize(3);
  for (size_t i = 0; i < topics && reader.ok(); ++i) {
    const std::string_view topic = reader.String();
    const size_t partitions = reader.ArraySize(33);
    for (size_t j = 0; j < partitions && reader.ok(); ++j) {
      answer.partitions.push_back(ReadPartition(topic, reader));
    }
    reader.SkipTags();
  }
  answer.throttle_ms = reader.Int32();
  reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(Api::kProduce);
  return answer;
}

}  // namespace turnout::connectors

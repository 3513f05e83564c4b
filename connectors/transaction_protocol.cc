#include "connectors/transaction_protocol.h"

#include "connectors/kafka_api.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

constexpr int16_t kEndTxnWithProducer = 5;

void WriteProducer(WireWriter& writer, ProducerIdentity producer) {
  writer.Int64(producer.id);
  writer.Int16(producer.epoch);
}

ProducerIdentity ReadProducer(WireReader& reader) {
  ProducerIdentity producer;
  producer.id = reader.Int64();
  producer.epoch = reader.Int16();
  return producer;
}

ProducerAnswer ReadErrorAnswer(WireReader& reader) {
  ProducerAnswer answer;
  answer.throttle_ms = reader.Int32();
  answer.error_code = reader.Int16();
  return answer;
}

absl::StatusOr<ProducerAnswer> Finished(Api api, WireReader& reader, ProducerAnswer answer) {
  reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(api);
  return answer;
}

absl::StatusOr<PartitionsAnswer> ReadPartitionErrors(Api api, std::string_view body) {
  WireReader reader(body);
  PartitionsAnswer answer;
  answer.throttle_ms = reader.Int32();
  const size_t topics = reader.ArraySize(3);
  for (size_t i = 0; i < topics && reader.ok(); ++i) {
    const std::string_view topic = reader.String();
    const size_t partitions = reader.ArraySize(7);
    for (size_t j = 0; j < partitions && reader.ok(); ++j) {
      const int32_t partition = reader.Int32();
      const int16_t error_code = reader.Int16();
      reader.SkipTags();
      if (error_code != 0) answer.failed.push_back({std::string(topic), partition, error_code});
    }
    reader.SkipTags();
  }
  reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(api);
  return answer;
}

std::string_view NullIfEmpty(std::string_view text) {
  return text.empty() ? std::string_view() : text;
}

}  // namespace

void WriteInitProducerId(std::string_view transactional_id, int32_t transaction_timeout_ms,
                         ProducerIdentity current, std::string* out) {
  WireWriter writer(out);
  writer.NullableString(NullIfEmpty(transactional_id));
  writer.Int32(transaction_timeout_ms);
  WriteProducer(writer, current);
  writer.NoTags();
}

absl::StatusOr<ProducerAnswer> ReadInitProducerId(std::string_view body) {
  WireReader reader(body);
  ProducerAnswer answer = ReadErrorAnswer(reader);
  answer.producer = ReadProducer(reader);
  return Finished(Api::kInitProducerId, reader, answer);
}

void WriteEndTxn(std::string_view transactional_id, ProducerIdentity producer, bool commit,
                 std::string* out) {
  WireWriter writer(out);
  writer.String(transactional_id);
  WriteProducer(writer, producer);
  writer.Bool(commit);
  writer.NoTags();
}

absl::StatusOr<ProducerAnswer> ReadEndTxn(int16_t version, std::string_view body) {
  WireReader reader(body);
  ProducerAnswer answer = ReadErrorAnswer(reader);
  if (version >= kEndTxnWithProducer) answer.producer = ReadProducer(reader);
  return Finished(Api::kEndTxn, reader, answer);
}

void WriteAddOffsetsToTxn(std::string_view transactional_id, ProducerIdentity producer,
                          std::string_view group, std::string* out) {
  WireWriter writer(out);
  writer.String(transactional_id);
  WriteProducer(writer, producer);
  writer.String(group);
  writer.NoTags();
}

absl::StatusOr<ProducerAnswer> ReadAddOffsetsToTxn(std::string_view body) {
  WireReader reader(body);
  const ProducerAnswer answer = ReadErrorAnswer(reader);
  return Finished(Api::kAddOffsetsToTxn, reader, answer);
}

void WriteAddPartitionsToTxn(std::string_view transactional_id, ProducerIdentity producer,
                             absl::Span<const TopicPartitions> topics, std::string* out) {
  WireWriter writer(out);
  writer.String(transactional_id);
  WriteProducer(writer, producer);
  writer.ArraySize(topics.size());
  for (const TopicPartitions& topic : topics) {
    writer.String(topic.topic);
    writer.ArraySize(topic.partitions.size());
    for (const int32_t partition : topic.partitions) writer.Int32(partition);
    writer.NoTags();
  }
  writer.NoTags();
}

absl::StatusOr<PartitionsAnswer> ReadAddPartitionsToTxn(std::string_view body) {
  return ReadPartitionErrors(Api::kAddPartitionsToTxn, body);
}

void WriteTxnOffsetCommit(std::string_view transactional_id, ProducerIdentity producer,
                          const GroupMetadata& group, std::string_view topic,
                          absl::Span<const SourceOffset> offsets, std::string* out) {
  WireWriter writer(out);
  writer.String(transactional_id);
  writer.String(group.group_id);
  WriteProducer(writer, producer);
  writer.Int32(group.generation);
  writer.String(group.member_id);
  writer.NullableString(NullIfEmpty(group.group_instance_id));
  writer.ArraySize(1);
  writer.String(topic);
  writer.ArraySize(offsets.size());
  for (const SourceOffset& offset : offsets) {
    writer.Int32(offset.partition);
    writer.Int64(offset.offset);
    writer.Int32(-1);  // leader epoch
    writer.NullableString(NullIfEmpty(offset.note));
    writer.NoTags();
  }
  writer.NoTags();
  writer.NoTags();
}

absl::StatusOr<PartitionsAnswer> ReadTxnOffsetCommit(std::string_view body) {
  return ReadPartitionErrors(Api::kTxnOffsetCommit, body);
}

}  // namespace turnout::connectors

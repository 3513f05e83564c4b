#include "connectors/cluster_protocol.h"

#include "connectors/kafka_api.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

constexpr int16_t kMetadataWithTopicIds = 10;
constexpr int16_t kMetadataLastWithClusterOperations = 10;
constexpr size_t kTopicIdBytes = 16;
constexpr char kNoTopicId[kTopicIdBytes] = {};

void SkipInt32Array(WireReader& reader) {
  const size_t count = reader.ArraySize(4);
  for (size_t i = 0; i < count; ++i) reader.Int32();
}

std::string ReadTopicId(WireReader& reader) {
  std::string id;
  for (size_t i = 0; i < kTopicIdBytes; ++i) id.push_back(static_cast<char>(reader.Int8()));
  if (id == std::string_view(kNoTopicId, kTopicIdBytes)) id.clear();
  return id;
}

MetadataAnswer::Partition ReadPartition(WireReader& reader) {
  MetadataAnswer::Partition partition;
  partition.error_code = reader.Int16();
  partition.index = reader.Int32();
  partition.leader = reader.Int32();
  partition.leader_epoch = reader.Int32();
  for (int list = 0; list < 3; ++list) SkipInt32Array(reader);  // replicas, in sync, offline
  reader.SkipTags();
  return partition;
}

MetadataAnswer::Topic ReadTopic(int16_t version, WireReader& reader) {
  MetadataAnswer::Topic topic;
  topic.error_code = reader.Int16();
  topic.name = reader.NullableString();
  if (version >= kMetadataWithTopicIds) topic.id = ReadTopicId(reader);
  reader.Bool();  // internal
  const size_t partitions = reader.ArraySize(18);
  topic.partitions.reserve(partitions);
  for (size_t i = 0; i < partitions && reader.ok(); ++i) {
    topic.partitions.push_back(ReadPartition(reader));
  }
  reader.Int32();  // authorized operations
  reader.SkipTags();
  return topic;
}

MetadataAnswer::Broker ReadBroker(WireReader& reader) {
  MetadataAnswer::Broker broker;
  broker.id = reader.Int32();
  broker.host = reader.String();
  broker.port = reader.Int32();
  return broker;
}

}  // namespace

void WriteMetadata(int16_t version, absl::Span<const std::string> topics, std::string* out) {
  WireWriter writer(out);
  writer.ArraySize(topics.size());
  for (const std::string& topic : topics) {
    if (version >= kMetadataWithTopicIds) out->append(kNoTopicId, kTopicIdBytes);
    writer.String(topic);
    writer.NoTags();
  }
  writer.Bool(false);  // create topics
  if (version <= kMetadataLastWithClusterOperations) writer.Bool(false);
  writer.Bool(false);  // authorized operations of topics
  writer.NoTags();
}

absl::StatusOr<MetadataAnswer> ReadMetadata(int16_t version, std::string_view body) {
  WireReader reader(body);
  MetadataAnswer answer;
  answer.throttle_ms = reader.Int32();
  const size_t brokers = reader.ArraySize(11);
  answer.brokers.reserve(brokers);
  for (size_t i = 0; i < brokers && reader.ok(); ++i) {
    answer.brokers.push_back(ReadBroker(reader));
    reader.NullableString();  // rack
    reader.SkipTags();
  }
  reader.NullableString();  // cluster id
  answer.controller = reader.Int32();
  const size_t topics = reader.ArraySize(10);
  answer.topics.reserve(topics);
  for (size_t i = 0; i < topics && reader.ok(); ++i) {
    answer.topics.push_back(ReadTopic(version, reader));
  }
  if (version <= kMetadataLastWithClusterOperations) reader.Int32();
  reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(Api::kMetadata);
  return answer;
}

void WriteFindCoordinator(CoordinatorKind kind, std::string_view key, std::string* out) {
  WireWriter writer(out);
  writer.Int8(static_cast<int8_t>(kind));
  writer.ArraySize(1);
  writer.String(key);
  writer.NoTags();
}

absl::StatusOr<FindCoordinatorAnswer> ReadFindCoordinator(std::string_view body) {
  WireReader reader(body);
  FindCoordinatorAnswer answer;
  answer.throttle_ms = reader.Int32();
  // One was asked for.
  const bool found = reader.ArraySize(18) == 1;
  reader.String();  // key
  answer.broker = ReadBroker(reader);
  answer.error_code = reader.Int16();
  answer.error_message = reader.NullableString();
  reader.SkipTags();
  reader.SkipTags();
  if (!found || !reader.ok()) return UnreadableAnswer(Api::kFindCoordinator);
  return answer;
}

}  // namespace turnout::connectors

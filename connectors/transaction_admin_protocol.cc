#include "connectors/transaction_admin_protocol.h"

#include <map>

#include "connectors/kafka_api.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

using Producer = DescribeProducersAnswer::Producer;

Producer ReadProducer(WireReader& reader) {
  Producer producer;
  producer.id = reader.Int64();
  producer.epoch = reader.Int32();
  reader.Int32();  // last sequence
  producer.last_timestamp_ms = reader.Int64();
  producer.coordinator_epoch = reader.Int32();
  producer.transaction_start = reader.Int64();
  reader.SkipTags();
  return producer;
}

DescribeProducersAnswer::Partition ReadPartition(const std::string& topic, WireReader& reader) {
  DescribeProducersAnswer::Partition partition;
  partition.of = {topic, reader.Int32()};
  partition.error_code = reader.Int16();
  partition.error_message = reader.NullableString();
  const size_t producers = reader.ArraySize(37);
  for (size_t i = 0; i < producers && reader.ok(); ++i) {
    partition.producers.push_back(ReadProducer(reader));
  }
  reader.SkipTags();
  return partition;
}

void ReadTopicPartitions(WireReader& reader, std::vector<TopicPartition>* partitions) {
  const std::string topic(reader.String());
  const size_t count = reader.ArraySize(4);
  for (size_t i = 0; i < count && reader.ok(); ++i) partitions->push_back({topic, reader.Int32()});
  reader.SkipTags();
}

}  // namespace

void WriteListTransactions(std::string* out) {
  WireWriter writer(out);
  writer.ArraySize(0);  // states: all
  writer.ArraySize(0);  // producers: all
  writer.NoTags();
}

absl::StatusOr<ListTransactionsAnswer> ReadListTransactions(std::string_view body) {
  WireReader reader(body);
  ListTransactionsAnswer answer;
  reader.Int32();  // throttle time
  answer.error_code = reader.Int16();
  const size_t unknown = reader.ArraySize(1);
  for (size_t i = 0; i < unknown && reader.ok(); ++i) reader.String();
  const size_t count = reader.ArraySize(11);
  for (size_t i = 0; i < count && reader.ok(); ++i) {
    ListTransactionsAnswer::Transaction& one = answer.transactions.emplace_back();
    one.id = reader.String();
    one.producer = reader.Int64();
    one.state = reader.String();
    reader.SkipTags();
  }
  reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(Api::kListTransactions);
  return answer;
}

void WriteDescribeTransaction(std::string_view id, std::string* out) {
  WireWriter writer(out);
  writer.ArraySize(1);
  writer.String(id);
  writer.NoTags();
}

absl::StatusOr<DescribeTransactionAnswer> ReadDescribeTransaction(std::string_view body) {
  WireReader reader(body);
  DescribeTransactionAnswer answer;
  reader.Int32();  // throttle time
  const bool has_one = reader.ArraySize(30) == 1;
  answer.error_code = reader.Int16();
  reader.String();  // the id
  answer.state = reader.String();
  answer.timeout_ms = reader.Int32();
  answer.start_ms = reader.Int64();
  answer.producer = reader.Int64();
  answer.epoch = reader.Int16();
  const size_t topics = reader.ArraySize(3);
  for (size_t i = 0; i < topics && reader.ok(); ++i) {
    ReadTopicPartitions(reader, &answer.partitions);
  }
  reader.SkipTags();
  reader.SkipTags();
  if (!reader.ok() || !has_one) return UnreadableAnswer(Api::kDescribeTransactions);
  return answer;
}

void WriteDescribeProducers(absl::Span<const TopicPartition> partitions, std::string* out) {
  std::map<std::string_view, std::vector<int32_t>> by_topic;
  for (const TopicPartition& one : partitions) by_topic[one.topic].push_back(one.partition);
  WireWriter writer(out);
  writer.ArraySize(by_topic.size());
  for (const auto& [topic, numbers] : by_topic) {
    writer.String(topic);
    writer.ArraySize(numbers.size());
    for (const int32_t number : numbers) writer.Int32(number);
    writer.NoTags();
  }
  writer.NoTags();
}

absl::StatusOr<DescribeProducersAnswer> ReadDescribeProducers(std::string_view body) {
  WireReader reader(body);
  DescribeProducersAnswer answer;
  reader.Int32();  // throttle time
  const size_t topics = reader.ArraySize(3);
  for (size_t i = 0; i < topics && reader.ok(); ++i) {
    const std::string topic(reader.String());
    const size_t partitions = reader.ArraySize(9);
    for (size_t j = 0; j < partitions && reader.ok(); ++j) {
      answer.partitions.push_back(ReadPartition(topic, reader));
    }
    reader.SkipTags();
  }
  reader.SkipTags();
  if (!reader.ok()) return UnreadableAnswer(Api::kDescribeProducers);
  return answer;
}

void WriteAbortMarker(const TransactionMarker& marker, std::string* out) {
  WireWriter writer(out);
  writer.ArraySize(1);
  writer.Int64(marker.producer);
  writer.Int16(marker.epoch);
  writer.Bool(false);  // abort
  writer.ArraySize(1);
  writer.String(marker.of.topic);
  writer.ArraySize(1);
  writer.Int32(marker.of.partition);
  writer.NoTags();
  writer.Int32(marker.coordinator_epoch);
  writer.NoTags();
  writer.NoTags();
}

absl::StatusOr<int16_t> ReadAbortMarker(std::string_view body) {
  WireReader reader(body);
  bool has_one = reader.ArraySize(9) == 1;
  reader.Int64();  // producer
  has_one = has_one && reader.ArraySize(3) == 1;
  reader.String();  // topic
  has_one = has_one && reader.ArraySize(7) == 1;
  reader.Int32();  // partition
  const int16_t code = reader.Int16();
  for (int level = 0; level < 4; ++level) reader.SkipTags();
  if (!reader.ok() || !has_one) return UnreadableAnswer(Api::kWriteTxnMarkers);
  return code;
}

}  // namespace turnout::connectors

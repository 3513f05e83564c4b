// Answers of a broker, written as Kafka's protocol defines them: what the decoders' tests read and
// what the fake broker says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/cluster_protocol.h"
#include "connectors/transaction_protocol.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {

inline void WriteInt32Array(WireWriter& writer, const std::vector<int32_t>& values) {
  writer.ArraySize(values.size());
  for (const int32_t value : values) writer.Int32(value);
}

inline std::string MetadataBytes(int16_t version, const MetadataAnswer& answer) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(answer.throttle_ms);
  writer.ArraySize(answer.brokers.size());
  for (const MetadataAnswer::Broker& broker : answer.brokers) {
    writer.Int32(broker.id);
    writer.String(broker.host);
    writer.Int32(broker.port);
    writer.NullableString({});  // rack
    writer.NoTags();
  }
  writer.NullableString("cluster");
  writer.Int32(answer.controller);
  writer.ArraySize(answer.topics.size());
  for (const MetadataAnswer::Topic& topic : answer.topics) {
    writer.Int16(topic.error_code);
    writer.NullableString(topic.name);
    if (version >= 10) out += topic.id.empty() ? std::string(16, '\0') : topic.id;
    writer.Bool(false);
    writer.ArraySize(topic.partitions.size());
    for (const MetadataAnswer::Partition& partition : topic.partitions) {
      writer.Int16(partition.error_code);
      writer.Int32(partition.index);
      writer.Int32(partition.leader);
      writer.Int32(partition.leader_epoch);
      WriteInt32Array(writer, {1, 2, 3});
      WriteInt32Array(writer, {1, 2});
      WriteInt32Array(writer, {3});
      writer.NoTags();
    }
    writer.Int32(0);
    writer.NoTags();
  }
  if (version <= 10) writer.Int32(0);
  writer.NoTags();
  return out;
}

inline std::string FindCoordinatorBytes(std::string_view key, const MetadataAnswer::Broker& broker,
                                        int16_t error_code) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.ArraySize(1);
  writer.String(key);
  writer.Int32(broker.id);
  writer.String(broker.host);
  writer.Int32(broker.port);
  writer.Int16(error_code);
  writer.NullableString({});
  writer.NoTags();
  writer.NoTags();
  return out;
}

inline std::string ErrorBytes(int16_t error_code) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.Int16(error_code);
  writer.NoTags();
  return out;
}

// InitProducerId's answer, and EndTxn's from version 5 on.
inline std::string ProducerBytes(int16_t error_code, ProducerIdentity producer) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.Int16(error_code);
  writer.Int64(producer.id);
  writer.Int16(producer.epoch);
  writer.NoTags();
  return out;
}

// Answers to AddPartitionsToTxn and TxnOffsetCommit; each element a topic of its own.
inline std::string PartitionErrorBytes(const std::vector<PartitionError>& partitions) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.ArraySize(partitions.size());
  for (const PartitionError& partition : partitions) {
    writer.String(partition.topic);
    writer.ArraySize(1);
    writer.Int32(partition.partition);
    writer.Int16(partition.error_code);
    writer.NoTags();
    writer.NoTags();
  }
  writer.NoTags();
  return out;
}

inline std::string ProduceBytes(const std::vector<PartitionError>& partitions) {
  std::string out;
  WireWriter writer(&out);
  writer.ArraySize(partitions.size());
  for (const PartitionError& partition : partitions) {
    writer.String(partition.topic);
    writer.ArraySize(1);
    writer.Int32(partition.partition);
    writer.Int16(partition.error_code);
    writer.Int64(42);
    writer.Int64(-1);
    writer.Int64(0);
    writer.ArraySize(0);
    writer.NullableString({});
    writer.NoTags();
    writer.NoTags();
  }
  writer.Int32(0);
  writer.NoTags();
  return out;
}

}  // namespace turnout::connectors

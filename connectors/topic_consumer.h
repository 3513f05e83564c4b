// TopicConsumer: the parts of a client that reads one topic without a group, from where it is told.
//
// Internal to connectors/. For partition_reader, table_source and topic_range_reader.
// Errors: those of KafkaHandle::Make.
// Lifetime: messages go before their queue, queue and topic before their client, which is the order
//   in which they are destroyed.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/kafka_handle.h"

namespace turnout::connectors {

struct TopicConsumerOptions {
  std::string topic;
  std::string group_id;  // one must be named even where none is joined
  int fetch_wait_ms = 100;
  bool read_committed = true;
  int queued_kbytes_max = 16'384;
  // What is read where the log doesn't have an offset (any more) is a gap; else an error.
  bool passes_gaps = false;
};

struct TopicConsumer {
  std::unique_ptr<KafkaHandle> client;
  KafkaQueue queue;
  KafkaTopic topic;
};

// Of `setup`: the client's options and callbacks, which are the caller's. `doing` begins an error's
// words.
absl::StatusOr<TopicConsumer> MakeTopicConsumer(const TopicConsumerOptions& options,
                                                KafkaHandleSetup setup, const std::string& doing);

}  // namespace turnout::connectors

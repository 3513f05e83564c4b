// BatchSink: the Sink over Kafka's own protocol: all partitions of a leader in one request, the
// source offsets beside it, transactions of KIP-890. For the same brokers, properties and
// partitions as KafkaSink, and the same logs come of it; `sink` in the config chooses.
//
// It has no thread: what is on its way moves when a method is called.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"
#include "connectors/sink.h"

namespace turnout::connectors {

// Unimplemented names a property that only KafkaSink honours.
absl::StatusOr<std::unique_ptr<Sink>> MakeBatchSink(const KafkaSinkOptions& options);

}  // namespace turnout::connectors
